#pragma once

#include "proxy/base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace bonedry::session {

/// A logarithmic scale of times, three steps per doubling, from a quarter of a second to six days:
/// the ages, idle times and stays of a million sessions fit into a small table.
struct TimeScale {
  static constexpr std::size_t kSteps = 64;

  /// The step that a time is in. The first step has all shorter times, the last all longer ones.
  [[nodiscard]] static std::size_t step_of(Millis time);
  /// Where a step begins, in seconds; for `kSteps`, where the last one ends.
  [[nodiscard]] static double begin_s(std::size_t step);
  [[nodiscard]] static double middle_s(std::size_t step) {
    return (begin_s(step) + begin_s(step + 1)) / 2;
  }
};

/// How long users who have left stayed: from the begin of a session to its last exchange.
struct StayHistogram {
  std::array<std::uint64_t, TimeScale::kSteps> counts{};

  void add(const StayHistogram& other) {
    for (std::size_t step = 0; step < counts.size(); ++step) counts[step] += other.counts[step];
  }
};

}  // namespace bonedry::session
