#pragma once

#include "proxy/base/clock.h"
#include "proxy/end_reason.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace bonedry::proxy {

/// The exchange counters, read at one time.
struct ExchangeTotals {
  /// Upper bounds of the histogram buckets of durations, inclusive; a last bucket holds all longer
  /// ones.
  static constexpr std::array<Millis, 10> kDurations{
      Millis{5},   Millis{10},  Millis{25},   Millis{50},   Millis{100},
      Millis{250}, Millis{500}, Millis{1000}, Millis{2500}, Millis{10000}};

  std::array<std::uint64_t, kEndReasons> endings{};  ///< by EndReason
  std::array<std::uint64_t, kDurations.size() + 1> durations{};
  std::uint64_t duration_ms = 0;  ///< sum of all durations
  std::uint64_t retries = 0;      ///< requests that were sent again
  std::uint64_t bytes_in = 0;     ///< of request bodies
  std::uint64_t bytes_out = 0;    ///< of response bodies

  void add(const ExchangeTotals& other) {
    const auto sum = [](auto& into, const auto& from) {
      std::ranges::transform(into, from, into.begin(), std::plus{});
    };
    sum(endings, other.endings);
    sum(durations, other.durations);
    duration_ms += other.duration_ms;
    retries += other.retries;
    bytes_in += other.bytes_in;
    bytes_out += other.bytes_out;
  }
};

/// One worker's counters since it started. Only the worker writes, so that an update costs no more
/// than a store. Any thread may read at any time; each counter is read by itself, not all at one
/// instant.
class ExchangeCounters {
 public:
  struct ExchangeResult {
    EndReason reason = EndReason::completed;
    Millis duration{0};
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  };

  void note(const ExchangeResult& exchange) {
    // Not a binary search: most durations are in the first bucket.
    const auto above = std::ranges::find_if(ExchangeTotals::kDurations, [&exchange](Millis bound) {
      return exchange.duration <= bound;
    });
    add(endings_[static_cast<std::size_t>(exchange.reason)], 1);
    add(durations_[static_cast<std::size_t>(above - ExchangeTotals::kDurations.begin())], 1);
    add(duration_ms_, static_cast<std::uint64_t>(exchange.duration.count()));
    add(bytes_in_, exchange.bytes_in);
    add(bytes_out_, exchange.bytes_out);
  }
  void note_retry() { add(retries_, 1); }

  /// Thread-safe.
  [[nodiscard]] ExchangeTotals read() const {
    ExchangeTotals totals;
    std::ranges::transform(endings_, totals.endings.begin(), get);
    std::ranges::transform(durations_, totals.durations.begin(), get);
    totals.duration_ms = get(duration_ms_);
    totals.retries = get(retries_);
    totals.bytes_in = get(bytes_in_);
    totals.bytes_out = get(bytes_out_);
    return totals;
  }

 private:
  using Count = std::atomic<std::uint64_t>;
  static void add(Count& count, std::uint64_t more) {
    count.store(get(count) + more, std::memory_order_relaxed);
  }
  static std::uint64_t get(const Count& count) { return count.load(std::memory_order_relaxed); }

  std::array<Count, kEndReasons> endings_{};
  std::array<Count, ExchangeTotals::kDurations.size() + 1> durations_{};
  Count duration_ms_{0};
  Count retries_{0};
  Count bytes_in_{0};
  Count bytes_out_{0};
};

}  // namespace bonedry::proxy
