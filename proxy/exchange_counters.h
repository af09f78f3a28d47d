#pragma once

#include "proxy/base/counter.h"
#include "proxy/end_reason.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace bonedry::proxy {

/// The exchange counters, read at one time.
struct ExchangeTotals {
  std::array<std::uint64_t, kEndReasons> endings{};  ///< by EndReason
  std::uint64_t retries = 0;                         ///< requests that were sent again
  std::uint64_t bytes_in = 0;                        ///< of request bodies
  std::uint64_t bytes_out = 0;                       ///< of response bodies

  void add(const ExchangeTotals& other) {
    std::ranges::transform(endings, other.endings, endings.begin(), std::plus{});
    retries += other.retries;
    bytes_in += other.bytes_in;
    bytes_out += other.bytes_out;
  }
};

/// One worker's counters since it started, of the exchanges that reached a node and of those that
/// did not; NodeMeter has what is counted for each node. Any thread may read at any time; each
/// counter is read by itself, not all at one instant.
class ExchangeCounters {
 public:
  struct ExchangeResult {
    EndReason reason = EndReason::completed;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  };

  void note(const ExchangeResult& exchange) {
    endings_[static_cast<std::size_t>(exchange.reason)].add();
    bytes_in_.add(exchange.bytes_in);
    bytes_out_.add(exchange.bytes_out);
  }
  void note_retry() { retries_.add(); }

  /// Thread-safe.
  [[nodiscard]] ExchangeTotals read() const {
    ExchangeTotals totals;
    std::ranges::transform(endings_, totals.endings.begin(), &Counter::read);
    totals.retries = retries_.read();
    totals.bytes_in = bytes_in_.read();
    totals.bytes_out = bytes_out_.read();
    return totals;
  }

 private:
  std::array<Counter, kEndReasons> endings_;
  Counter retries_;
  Counter bytes_in_;
  Counter bytes_out_;
};

}  // namespace bonedry::proxy
