#pragma once

#include "balancer/node.h"

#include <cstdint>
#include <optional>

namespace bonedry::balancer {

/// What one active check found.
enum class CheckResult : std::uint8_t { passed, failed };

/// Turns the results of active checks of one node into its health: `rise` passes in a row make it
/// up, `fall` failures in a row make it down. The very first result decides immediately, so that a
/// proxy that starts while a node is dead does not send users there. Owned by the code that runs
/// the checks.
class HealthTracker {
 public:
  /// `health`: what is already known.
  HealthTracker(unsigned rise, unsigned fall, Health health = Health::unknown)
      : rise_(rise), fall_(fall), health_(health) {}

  /// Records a result. Returns the new health if the result changed it.
  std::optional<Health> note(CheckResult result);
  [[nodiscard]] Health health() const { return health_; }
  /// Sets new thresholds after a reload; earlier results are kept.
  void set_thresholds(unsigned rise, unsigned fall) {
    rise_ = rise;
    fall_ = fall;
  }

 private:
  unsigned rise_;
  unsigned fall_;
  unsigned in_a_row_ = 0;
  CheckResult last_ = CheckResult::passed;
  Health health_ = Health::unknown;
};

}  // namespace bonedry::balancer
