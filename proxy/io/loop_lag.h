#pragma once

#include "proxy/base/clock.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace bonedry::io {

/// How late an event loop is: by how much more than its period a periodic timer fired. One thread
/// notes, any thread may read.
class LoopLag {
 public:
  /// `longest` looks back on one to two of these.
  static constexpr Millis kWindow = std::chrono::seconds{15};

  explicit LoopLag(Millis period) : period_(period) {}

  /// The timer has fired.
  void note(Instant now) {
    const std::int64_t late = late_at(now);
    last_ms_.store(now.ms, std::memory_order_relaxed);
    if (now - window_begin_ >= kWindow) {
      window_begin_ = now;
      previous_ms_.store(current_ms_.load(std::memory_order_relaxed), std::memory_order_relaxed);
      current_ms_.store(late, std::memory_order_relaxed);
    } else if (late > current_ms_.load(std::memory_order_relaxed)) {
      current_ms_.store(late, std::memory_order_relaxed);
    }
  }

  /// The longest lag of late, also one that has not ended. Thread-safe.
  [[nodiscard]] Millis longest(Instant now) const {
    return Millis{std::max({previous_ms_.load(std::memory_order_relaxed),
                            current_ms_.load(std::memory_order_relaxed), late_at(now)})};
  }

 private:
  [[nodiscard]] std::int64_t late_at(Instant now) const {
    const std::int64_t last = last_ms_.load(std::memory_order_relaxed);
    if (last == 0) return 0;  // the loop has not begun to run
    return std::max<std::int64_t>(now.ms - last - period_.count(), 0);
  }

  const Millis period_;
  Instant window_begin_;
  std::atomic<std::int64_t> last_ms_{0};
  std::atomic<std::int64_t> current_ms_{0};   // the longest of this window
  std::atomic<std::int64_t> previous_ms_{0};  // the longest of the window before
};

}  // namespace bonedry::io
