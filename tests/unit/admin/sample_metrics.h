#pragma once

#include "admin/metrics/scrape.h"
#include "tests/unit/admin/sample_status.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::admin::test {

/// p1 of three members; it has heard p2 and not p3, which is silent.
inline ClusterStatus sample_cluster() {
  ClusterStatus cluster;
  cluster.name = "p1";
  cluster.members.resize(3);
  for (std::size_t i = 0; i < cluster.members.size(); ++i) {
    cluster.members[i].name = "p" + std::to_string(i + 1);
    cluster.members[i].sessions = 10 * (i + 1);
    cluster.members[i].heard_age = Millis{300};
  }
  cluster.members[0].state = MemberStatus::State::here;
  cluster.members[1].state = MemberStatus::State::heard;
  cluster.members[2].heard_age = std::chrono::seconds{40};
  cluster.store.state = StoreStatus::State::connected;
  cluster.complete = true;
  ClusterStatistics& statistics = cluster.statistics;
  statistics.store.connects = 3;
  statistics.store.round_trips.buckets = {100, 20, 3};
  statistics.store.round_trips.sum_ms = 250;
  statistics.sync = {.batches = 40,
                     .failed_batches = 2,
                     .operations = 500,
                     .corrections = 6,
                     .changes = 70,
                     .full_sends = 1,
                     .gaps = 4,
                     .unknown_nodes = 5,
                     .taken_over = 8,
                     .asked = 21,
                     .known = 9,
                     .ended = 5,
                     .uncertain = 7,
                     .timed_out = 3,
                     .last_error = ""};
  statistics.dryness.of(RoundEnd::announced) = 2;
  statistics.dryness.of(RoundEnd::refused) = 1;
  statistics.dryness.yes = 12;
  statistics.dryness.no = 1;
  statistics.lag = Millis{150};
  return cluster;
}

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
  status.cluster = sample_cluster();
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
