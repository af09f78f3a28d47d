#pragma once

#include <atomic>
#include <cstdint>

namespace bonedry::balancer {

/// What a pool's users came with that tells of a mistake in how pools or proxies are set up, since
/// the process started. Shared by consecutive topologies, as nodes are. Thread-safe.
struct PoolCounters {
  /// Genuine cookies of another pool of ours, under this pool's cookie name.
  std::atomic<std::uint64_t> foreign_cookies{0};
  /// Answers of nodes that set a cookie of the name of this pool's own.
  std::atomic<std::uint64_t> cookie_clashes{0};
  /// Requests that came through a trusted bonedry whose cookie has that name.
  std::atomic<std::uint64_t> cookie_clashes_in_front{0};
};

}  // namespace bonedry::balancer
