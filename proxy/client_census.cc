#include "proxy/client_census.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace bonedry::proxy {
namespace {

/// Whoever has one address of IPv6 commonly has all of its network (RFC 6177), so these count as
/// one client.
IpAddress counted_as(IpAddress client) {
  constexpr std::size_t kNetworkBytes = 8;
  if (!client.is_v4()) std::fill(client.bytes.begin() + kNetworkBytes, client.bytes.end(), 0);
  return client;
}

}  // namespace

ClientCensus::Seat::Seat(Seat&& other) noexcept
    : census_(std::exchange(other.census_, nullptr)),
      client_(other.client_),
      named_(std::exchange(other.named_, Named::no)) {}

ClientCensus::Seat& ClientCensus::Seat::operator=(Seat&& other) noexcept {
  std::swap(census_, other.census_);
  std::swap(client_, other.client_);
  std::swap(named_, other.named_);
  return *this;
}

bool ClientCensus::Seat::take(ClientCensus& census, std::size_t most) {
  const std::size_t before = census.all_.fetch_add(1, std::memory_order_relaxed);
  if (most != 0 && before >= most) {
    census.all_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  census_ = &census;
  return true;
}

bool ClientCensus::Seat::take_of(const IpAddress& client, std::size_t most) {
  if (most == 0) return true;
  client_ = counted_as(client);
  if (!census_->enter(client_, most)) return false;
  named_ = Named::yes;
  return true;
}

void ClientCensus::Seat::leave() {
  if (named_ == Named::yes) census_->leave(client_);
  if (census_ != nullptr) census_->all_.fetch_sub(1, std::memory_order_relaxed);
}

ClientCensus::Shard& ClientCensus::shard_of(const IpAddress& client) {
  const auto sum = std::accumulate(client.bytes.begin(), client.bytes.end(), std::size_t{0});
  return shards_[sum % kShards];
}

bool ClientCensus::enter(const IpAddress& client, std::size_t most) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  std::size_t& count = shard.counts[client];
  if (count >= most) return false;
  ++count;
  return true;
}

void ClientCensus::leave(const IpAddress& client) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(client);
  if (--found->second == 0) shard.counts.erase(found);
}

}  // namespace bonedry::proxy
