#pragma once

#include "proxy/base/clock.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace bonedry::balancer {

/// How often passes for a node were used lately, and when last. Thread-safe, without locks.
class PassUse {
 public:
  /// What `lately` looks back on, to the minute.
  static constexpr std::chrono::minutes kLately{15};

  void note(Instant now) {
    const std::uint64_t minute = minute_of(now);
    std::atomic<std::uint64_t>& word = minutes_[minute % minutes_.size()];
    std::uint64_t before = word.load(std::memory_order_relaxed);
    // A word of another minute begins again at 0.
    while (!word.compare_exchange_weak(
        before, (before >> kCountBits == minute ? before : minute << kCountBits) + 1,
        std::memory_order_relaxed)) {
    }
    last_ms_.store(now.ms, std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint64_t lately(Instant now) const {
    const std::uint64_t minute = minute_of(now);
    std::uint64_t count = 0;
    for (const std::atomic<std::uint64_t>& word : minutes_) {
      const std::uint64_t read = word.load(std::memory_order_relaxed);
      const bool recent = (read >> kCountBits) + minutes_.size() > minute;
      if (recent) count += read & kCountMask;
    }
    return count;
  }

  /// `ms` is 0 when none was used yet.
  [[nodiscard]] Instant last() const { return {last_ms_.load(std::memory_order_relaxed)}; }

 private:
  // Each word is a minute since the boot, above a count: more than a minute has requests.
  static constexpr unsigned kCountBits = 36;
  static constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;
  static std::uint64_t minute_of(Instant at) { return static_cast<std::uint64_t>(at.ms / 60'000); }

  std::array<std::atomic<std::uint64_t>, std::size_t{kLately.count()}> minutes_{};
  std::atomic<std::int64_t> last_ms_{0};
};

}  // namespace bonedry::balancer
