#pragma once

#include "balancer/health_tracker.h"
#include "proxy/base/clock.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace bonedry::balancer {

/// What one active check did and found.
struct CheckReport {
  CheckResult result = CheckResult::failed;
  std::string request;  ///< "GET /healthz", or "connect"
  std::string found;    ///< "status 200", "connection refused", …
  Instant ended;
  Millis took{0};
};

/// The active checks of one node since they began, counted from 1. Owned by the code that runs the
/// checks, on its thread.
class CheckHistory {
 public:
  /// A check begins; its number.
  void begin() { ++begun_; }
  /// The check that began last has a result.
  void end(CheckReport report) {
    if (report.result == CheckResult::failed) passing_from_ = 0;
    if (report.result == CheckResult::passed && passing_from_ == 0) passing_from_ = begun_;
    last_ = std::move(report);
    ended_ = begun_;
  }
  /// The result that was given last has changed the node's health.
  void note_change() {
    if (last_) changed_ = last_->ended;
  }
  /// The check that began last ends without a result, so the next one begins another row.
  void give_up() { passing_from_ = 0; }
  /// Results so far say nothing of those to come.
  void forget() {
    passing_from_ = 0;
    last_.reset();
    changed_.reset();
  }

  /// Nothing: no check has changed the node's health.
  [[nodiscard]] std::optional<Instant> changed() const { return changed_; }
  [[nodiscard]] std::uint64_t begun() const { return begun_; }
  /// Nothing: no check has ended.
  [[nodiscard]] const std::optional<CheckReport>& last() const { return last_; }

  /// How many checks in a row, up to the last one, passed and began after the first `before`.
  [[nodiscard]] std::uint64_t passed_in_a_row(std::uint64_t before) const {
    if (passing_from_ == 0) return 0;
    const std::uint64_t first = std::max(passing_from_, before + 1);
    return ended_ < first ? 0 : ended_ - first + 1;
  }

 private:
  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;         // the number of the last one with a result
  std::uint64_t passing_from_ = 0;  // of the first of those in a row that passed; 0: it failed
  std::optional<CheckReport> last_;
  std::optional<Instant> changed_;
};

}  // namespace bonedry::balancer
