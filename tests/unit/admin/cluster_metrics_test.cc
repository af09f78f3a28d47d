// What a member of a cluster tells Prometheus.
#include "tests/unit/admin/sample_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

using metrics::Format;
using metrics::Scope;
using testing::HasSubstr;
using testing::Not;

std::string metrics_text(ClusterStatus cluster) {
  Status status = test::sample_status();
  status.cluster = std::move(cluster);
  return "\n" + test::metrics_of(std::move(status), Scope::everything, Format::prometheus);
}

void expect_samples(const std::string& text, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    EXPECT_THAT(text, HasSubstr("\nbonedry_cluster_" + line + "\n"));
  }
}

TEST(ClusterMetricsTest, AProxyAloneHasNone) {
  const std::string text =
      test::metrics_of(test::sample_status(), Scope::everything, Format::prometheus);
  EXPECT_THAT(text, Not(HasSubstr("bonedry_cluster")));
}

TEST(ClusterMetricsTest, OfOnePoolThereAreNone) {
  const std::string text =
      test::metrics_of(test::sample_of_all_families(), Scope::pools, Format::prometheus);
  EXPECT_THAT(text, Not(HasSubstr("bonedry_cluster")));
}

TEST(ClusterMetricsTest, MembersByStateAndTheirSessions) {
  expect_samples(metrics_text(test::sample_cluster()),
                 {"members{state=\"here\"} 1", "members{state=\"heard\"} 1",
                  "members{state=\"silent\"} 1", "sessions{member=\"p1\"} 10",
                  "sessions{member=\"p2\"} 20", "sessions{member=\"p3\"} 30", "complete 1"});
}

TEST(ClusterMetricsTest, OfAMemberThatWasNeverHeardNoSessionsAreKnown) {
  ClusterStatus cluster = test::sample_cluster();
  cluster.members[2].heard_age.reset();
  cluster.complete = false;
  const std::string text = metrics_text(std::move(cluster));
  expect_samples(text, {"members{state=\"silent\"} 1", "complete 0"});
  EXPECT_THAT(text, Not(HasSubstr("member=\"p3\"")));
}

TEST(ClusterMetricsTest, NamesOfMembersAreEscaped) {
  ClusterStatus cluster = test::sample_cluster();
  cluster.members[1].name = "p\"2\\\n";
  expect_samples(metrics_text(std::move(cluster)), {"sessions{member=\"p\\\"2\\\\\\n\"} 20"});
}

TEST(ClusterMetricsTest, TheStore) {
  const std::string trip = "store_round_trip_duration_seconds";
  expect_samples(metrics_text(test::sample_cluster()),
                 {"store_connected 1", "store_reconnects_total 2",
                  trip + "_bucket{le=\"0.005\"} 100", trip + "_bucket{le=\"0.01\"} 120",
                  trip + "_bucket{le=\"+Inf\"} 123", trip + "_sum 0.25", trip + "_count 123"});
}

TEST(ClusterMetricsTest, AStoreThatWasNeverThereWasNotConnectedAgain) {
  ClusterStatus cluster = test::sample_cluster();
  cluster.store.state = StoreStatus::State::lost;
  cluster.statistics = {};
  const std::string text = metrics_text(std::move(cluster));
  expect_samples(text, {"store_connected 0", "store_reconnects_total 0"});
  EXPECT_THAT(text, Not(HasSubstr("\nbonedry_cluster_changes_lag_seconds"))) << "nothing was read";
}

TEST(ClusterMetricsTest, WhatGoesToAndFromTheStore) {
  expect_samples(
      metrics_text(test::sample_cluster()),
      {"batches_total 40", "batch_failures_total 2", "batch_operations_total 500",
       "corrections_total 6", "changes_total 70", "change_gaps_total 4", "full_sends_total 1",
       "unknown_nodes_total 5", "sessions_taken_over_total 8", "changes_lag_seconds 0.15"});
}

TEST(ClusterMetricsTest, QuestionsByAnswer) {
  expect_samples(
      metrics_text(test::sample_cluster()),
      {"questions_total{answer=\"known\"} 9", "questions_total{answer=\"ended\"} 5",
       "questions_total{answer=\"uncertain\"} 4", "questions_total{answer=\"timed_out\"} 3"});
}

TEST(ClusterMetricsTest, RoundsOfDrynessByHowTheyEnded) {
  const std::string text = metrics_text(test::sample_cluster());
  expect_samples(
      text, {"dryness_rounds_total{outcome=\"announced\"} 2",
             "dryness_rounds_total{outcome=\"refused\"} 1", "dryness_votes_total{vote=\"yes\"} 12",
             "dryness_votes_total{vote=\"no\"} 1"});
  for (const auto& [end, name] : kRoundEnds) {
    EXPECT_THAT(text, HasSubstr("outcome=\"" + std::string(name) + "\""));
  }
}

}  // namespace
}  // namespace bonedry::admin
