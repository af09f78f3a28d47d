#pragma once

#include "admin/metrics/scrape.h"
#include "tests/unit/admin/sample_status.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

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

/// All pieces of a scrape together.
inline std::string whole_text(metrics::Scrape& scrape) {
  std::string text;
  for (std::string_view piece = scrape.next(); !piece.empty(); piece = scrape.next()) {
    text += piece;
  }
  return text;
}

inline std::string metrics_of(Status status, metrics::Scope scope, metrics::Format format) {
  metrics::Scrape scrape(std::move(status), scope, format);
  return whole_text(scrape);
}

inline std::string sample_metrics(metrics::Format format) {
  return metrics_of(sample_of_all_families(), metrics::Scope::everything, format);
}

}  // namespace bonedry::admin::test
