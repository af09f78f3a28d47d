#pragma once

#include "proxy/base/clock.h"

#include <atomic>
#include <cstdint>
#include <limits>

namespace bonedry::balancer {

/// Until when this member of a cluster may keep its users on nodes that are out of rotation without
/// having been in contact with the others: later they forget it, and may call such a node dry.
/// Asked before each exchange, so that a process which was stopped for a while does nothing by what
/// it knew before. The main thread renews it; any thread asks.
class Fence {
 public:
  [[nodiscard]] bool has_passed(Instant now) const {
    return now.ms > until_ms_.load(std::memory_order_acquire);
  }
  void renew(Instant until) { until_ms_.store(until.ms, std::memory_order_release); }

 private:
  // Without one nothing is ever forgotten by itself.
  std::atomic<std::int64_t> until_ms_{std::numeric_limits<std::int64_t>::max()};
};

}  // namespace bonedry::balancer
