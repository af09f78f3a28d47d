#include "balancer/admission.h"

namespace bonedry::balancer {

Admission admission(const PoolView& pool, Instant now) {
  Admission best = Admission::none_active;
  for (const NodeView& view : pool.nodes) {
    if (view.door != Door::open || view.weight == 0) continue;
    if (view.node->down(now)) {
      if (best == Admission::none_active) best = Admission::none_healthy;
    } else if (view.is_full()) {
      best = Admission::none_free;
    } else {
      return Admission::open;
    }
  }
  return best;
}

}  // namespace bonedry::balancer
