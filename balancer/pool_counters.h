#pragma once

#include <atomic>
#include <cstdint>

namespace bonedry::balancer {

/// Requests of a pool that are counted by the pool, since the process started: most are signs that
/// pools or proxies are misconfigured. Shared by consecutive topologies, like nodes. Thread-safe.
struct PoolCounters {
  /// Requests that began no session because of [pool.session] exempt.
  std::atomic<std::uint64_t> exempt_requests{0};
  /// Genuine cookies of another pool of ours, under this pool's cookie name.
  std::atomic<std::uint64_t> foreign_cookies{0};
  /// Responses of nodes that set a cookie with the name of this pool's session cookie.
  std::atomic<std::uint64_t> cookie_clashes{0};
  /// Requests through another, trusted bonedry whose session cookie has that name too.
  std::atomic<std::uint64_t> cookie_clashes_in_front{0};
};

}  // namespace bonedry::balancer
