#pragma once

#include "balancer/node.h"

#include <cstdint>
#include <optional>

namespace bonedry::balancer {

/// What one active check found.
enum class CheckResult : std::uint8_t { passed, failed };

/// Turns the results of active checks of one node into its health: `rise` passes in a row make it
/// up, `fall` failures in a row make it down. The very first result decides at once, because a
/// proxy that starts beside a dead node must not send users there meanwhile.
/// Owned by whoever runs the checks.
class HealthTracker {
 public:
  /// `health`: what is known already.
  HealthTracker(unsigned rise, unsigned fall, Health health = Health::unknown)
      : rise_(rise), fall_(fall), health_(health) {}

  /// The new health when this result changed it.
  std::optional<Health> note(CheckResult result);
  [[nodiscard]] Health health() const { return health_; }
  /// New thresholds after a reload; what was measured stays.
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
