#include "proxy/connection_limiter.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace bonedry::proxy {
namespace {

/// A client with one IPv6 address usually controls its whole /64 network (RFC 6177), so a /64
/// counts as one client.
IpAddress counted_as(IpAddress client) {
  constexpr std::size_t kNetworkBytes = 8;
  if (!client.is_v4()) std::fill(client.bytes.begin() + kNetworkBytes, client.bytes.end(), 0);
  return client;
}

}  // namespace

ConnectionLimiter::Slot::Slot(Slot&& other) noexcept
    : limiter_(std::exchange(other.limiter_, nullptr)),
      client_(other.client_),
      address_counted_(std::exchange(other.address_counted_, AddressCounted::no)) {}

ConnectionLimiter::Slot& ConnectionLimiter::Slot::operator=(Slot&& other) noexcept {
  std::swap(limiter_, other.limiter_);
  std::swap(client_, other.client_);
  std::swap(address_counted_, other.address_counted_);
  return *this;
}

bool ConnectionLimiter::Slot::take(ConnectionLimiter& limiter, std::size_t max) {
  const std::size_t before = limiter.all_.fetch_add(1, std::memory_order_relaxed);
  if (max != 0 && before >= max) {
    limiter.all_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  limiter_ = &limiter;
  return true;
}

bool ConnectionLimiter::Slot::take_for_address(const IpAddress& client, std::size_t max) {
  if (max == 0) return true;
  client_ = counted_as(client);
  if (!limiter_->enter(client_, max)) return false;
  address_counted_ = AddressCounted::yes;
  return true;
}

void ConnectionLimiter::Slot::leave() {
  if (address_counted_ == AddressCounted::yes) limiter_->leave(client_);
  if (limiter_ != nullptr) limiter_->all_.fetch_sub(1, std::memory_order_relaxed);
}

ConnectionLimiter::Shard& ConnectionLimiter::shard_of(const IpAddress& client) {
  const auto sum = std::accumulate(client.bytes.begin(), client.bytes.end(), std::size_t{0});
  return shards_[sum % kShards];
}

bool ConnectionLimiter::enter(const IpAddress& client, std::size_t max) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  std::size_t& count = shard.counts[client];
  if (count >= max) return false;
  ++count;
  return true;
}

void ConnectionLimiter::leave(const IpAddress& client) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(client);
  if (--found->second == 0) shard.counts.erase(found);
}

}  // namespace bonedry::proxy
