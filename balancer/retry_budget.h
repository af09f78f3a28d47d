#pragma once

#include <algorithm>
#include <cstdint>

namespace bonedry::balancer {

/// Limits retries to a share of all requests, so that a pool in trouble does not get twice the load
/// from its proxy. Starts with a few retries; then each request adds the share, and each retry
/// takes one. One per worker and pool; kept across topologies.
class RetryBudget {
 public:
  /// The retries that a pool starts with.
  static constexpr std::uint64_t kFirst = 10;
  /// The most retries that a busy pool saves up, so that a long calm does not pay for a long
  /// outage.
  static constexpr std::uint64_t kMax = 1000;

  /// `percent`: retries per 100 requests, 0 (none at all) to 100.
  void set_percent(unsigned percent) { percent_ = percent; }

  void note_request() { hundredths_ = std::min(hundredths_ + percent_, kMax * kWhole); }
  [[nodiscard]] bool forbidden() const { return percent_ == 0; }
  [[nodiscard]] bool used_up() const { return forbidden() || hundredths_ < kWhole; }
  /// Whether one more request may be sent again; if so, charges it to the budget.
  [[nodiscard]] bool take() {
    if (used_up()) return false;
    hundredths_ -= kWhole;
    return true;
  }

 private:
  static constexpr std::uint64_t kWhole = 100;

  std::uint64_t percent_ = 0;
  std::uint64_t hundredths_ = kFirst * kWhole;
};

}  // namespace bonedry::balancer
