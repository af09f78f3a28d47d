#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>

namespace bonedry::balancer {

/// How many durations were in each of a few ranges, and their sum: the values of a histogram.
struct DurationTotals {
  /// Upper bounds of the buckets, inclusive; a last bucket holds all longer ones. They are measured
  /// by the time of the event loop, which stands still during an iteration: finer bounds would say
  /// nothing.
  static constexpr std::array<Millis, 12> kBounds{
      Millis{5},   Millis{10},   Millis{25},   Millis{50},   Millis{100},   Millis{250},
      Millis{500}, Millis{1000}, Millis{2500}, Millis{5000}, Millis{10000}, Millis{30000}};
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  std::array<std::uint64_t, kBuckets> buckets{};  ///< not cumulative
  std::uint64_t sum_ms = 0;

  [[nodiscard]] std::uint64_t count() const {
    return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
  }
  void add(const DurationTotals& other) {
    std::ranges::transform(buckets, other.buckets, buckets.begin(), std::plus{});
    sum_ms += other.sum_ms;
  }
};

/// Measures them. One thread writes, any thread may read; each count is read by itself.
class DurationHistogram {
 public:
  void note(Millis duration) {
    // Not a binary search: most durations are in the first bucket.
    const auto above = std::ranges::find_if(DurationTotals::kBounds,
                                            [duration](Millis bound) { return duration <= bound; });
    buckets_[static_cast<std::size_t>(above - DurationTotals::kBounds.begin())].add();
    sum_ms_.add(static_cast<std::uint64_t>(duration.count()));
  }
  [[nodiscard]] DurationTotals read() const {
    DurationTotals totals;
    std::ranges::transform(buckets_, totals.buckets.begin(), &Counter::read);
    totals.sum_ms = sum_ms_.read();
    return totals;
  }

 private:
  std::array<Counter, DurationTotals::kBuckets> buckets_;
  Counter sum_ms_;
};

}  // namespace bonedry::balancer
