#pragma once

#include "proxy/base/ip_address.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace bonedry::proxy {

/// How many connections clients have open, in all and from each address, over all workers. The
/// server's; thread-safe. Asked once when a connection begins and told once when it ends, never for
/// an exchange.
class ConnectionLimiter {
 public:
  /// One connection's place in the count, given back by the destructor.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&& other) noexcept;
    ~Slot() { leave(); }

    /// False when there are `most` connections already (0: no limit); then this holds nothing.
    [[nodiscard]] bool take(ConnectionLimiter& limiter, std::size_t most);
    /// The same for those from one address. Called at most once, when the address is known.
    [[nodiscard]] bool take_for_address(const IpAddress& client, std::size_t most);

   private:
    void leave();

    ConnectionLimiter* limiter_ = nullptr;
    IpAddress client_;
    enum class Named : std::uint8_t { no, yes } named_ = Named::no;
  };

  [[nodiscard]] std::size_t connections() const { return all_.load(std::memory_order_relaxed); }

 private:
  // Enough that workers that accept at the same time rarely meet.
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    std::map<IpAddress, std::size_t> counts;
  };

  [[nodiscard]] Shard& shard_of(const IpAddress& client);
  [[nodiscard]] bool enter(const IpAddress& client, std::size_t most);
  void leave(const IpAddress& client);

  std::atomic<std::size_t> all_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace bonedry::proxy
