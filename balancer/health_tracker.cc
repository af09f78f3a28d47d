#include "balancer/health_tracker.h"

namespace bonedry::balancer {

std::optional<Health> HealthTracker::note(CheckResult result) {
  in_a_row_ = result == last_ ? in_a_row_ + 1 : 1;
  last_ = result;
  const Health wanted = result == CheckResult::passed ? Health::up : Health::down;
  if (wanted == health_) return std::nullopt;
  const unsigned needed = result == CheckResult::passed ? rise_ : fall_;
  if (health_ != Health::unknown && in_a_row_ < needed) return std::nullopt;
  health_ = wanted;
  return health_;
}

}  // namespace bonedry::balancer
