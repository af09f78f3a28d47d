#pragma once

#include "admin/metrics/render.h"
#include "tests/unit/admin/sample_status.h"

#include <chrono>
#include <string>

namespace bonedry::admin::test {

/// sample_status with something in every family of metrics.
inline Status sample_of_all_families() {
  Status status = sample_status();
  NodeStatus& alice = status.pools[0].nodes[0];
  alice.bleeding->age = std::chrono::seconds{200};
  alice.totals.begun = 180;
  alice.totals.responses = {4, 1, 900, 20, 30, 5};
  alice.totals.bytes_out = 1'000'000;
  alice.totals.duration.buckets = {10, 20, 0, 0, 5, 0, 0, 0, 0, 0, 0, 1, 2};
  alice.totals.duration.sum_ms = 71'250;
  status.listeners[0].tls = sample_tls();
  status.traffic.loop_lags = {Millis{0}, Millis{12}};
  status.process.started = kNow - std::chrono::hours{72};
  status.process.config_loaded = kNow - std::chrono::hours{2} - Millis{500};
  return status;
}

inline std::string sample_metrics(metrics::Format format) {
  return metrics::render(sample_of_all_families(), metrics::Scope::everything, format);
}

}  // namespace bonedry::admin::test
