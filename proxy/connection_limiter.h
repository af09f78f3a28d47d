#pragma once

#include "proxy/base/ip_address.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace bonedry::proxy {

/// Limits the open connections of clients over all workers, in total and per address. Owned by the
/// server; thread-safe. Used once when a connection begins and once when it ends, never per
/// exchange.
class ConnectionLimiter {
 public:
  /// One counted connection; the destructor removes it from the counts.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&& other) noexcept;
    ~Slot() { leave(); }

    /// Counts a connection towards the total. Returns false and holds nothing when there are `max`
    /// connections already (0: no limit).
    [[nodiscard]] bool take(ConnectionLimiter& limiter, std::size_t max);
    /// Likewise for the connections from one address. Called after `take`, at most once, when the
    /// address is known.
    [[nodiscard]] bool take_for_address(const IpAddress& client, std::size_t max);

   private:
    void leave();

    ConnectionLimiter* limiter_ = nullptr;
    IpAddress client_;
    enum class AddressCounted : std::uint8_t { no, yes } address_counted_ = AddressCounted::no;
  };

  [[nodiscard]] std::size_t connections() const { return all_.load(std::memory_order_relaxed); }

 private:
  // Enough that workers which accept at the same time rarely contend for a mutex.
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    std::map<IpAddress, std::size_t> counts;
  };

  [[nodiscard]] Shard& shard_of(const IpAddress& client);
  [[nodiscard]] bool enter(const IpAddress& client, std::size_t max);
  void leave(const IpAddress& client);

  std::atomic<std::size_t> all_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace bonedry::proxy
