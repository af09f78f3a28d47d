#pragma once

#include "proxy/base/clock.h"

#include <algorithm>
#include <cstdint>

namespace bonedry::http2 {

/// How much of something a peer may do: a burst, and then so many a second (token bucket). A value
/// without a clock; loop's thread.
class FrameBudget {
 public:
  FrameBudget(std::uint32_t burst, std::uint32_t per_second)
      : burst_(std::uint64_t{burst} * kShares), per_second_(per_second), left_(burst_) {}

  /// Whether there was one left, which is then taken.
  [[nodiscard]] bool take(Instant now) {
    const auto passed = static_cast<std::uint64_t>(std::max(Millis{0}, now - refilled_).count());
    refilled_ = now;
    // In thousandths, one millisecond refills as many as one second refills whole ones.
    left_ = passed >= kLongEnough ? burst_ : std::min(burst_, left_ + passed * per_second_);
    if (left_ < kShares) return false;
    left_ -= kShares;
    return true;
  }
  /// The peer has done something useful meanwhile.
  void give_back() { left_ = std::min(burst_, left_ + kShares); }

 private:
  static constexpr std::uint64_t kShares = 1000;
  static constexpr std::uint64_t kLongEnough = 3'600'000;  // keeps the product small

  std::uint64_t burst_;
  std::uint64_t per_second_;
  std::uint64_t left_;  // in thousandths
  Instant refilled_{};
};

}  // namespace bonedry::http2
