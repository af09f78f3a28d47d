#pragma once

#include <atomic>
#include <cstdint>

namespace bonedry {

/// A count that one thread writes and any thread reads, so that an update costs no more than a load
/// and a store.
class Counter {
 public:
  /// On the writer's thread only.
  void add(std::uint64_t more = 1) {
    count_.store(count_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  /// Thread-safe.
  [[nodiscard]] std::uint64_t read() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace bonedry
