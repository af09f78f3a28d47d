#include "balancer/node_meter.h"

#include "balancer/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace bonedry::balancer {
namespace {

using testing::Each;
using testing::ElementsAre;

TEST(DurationHistogramTest, EachDurationIsInTheFirstBucketWhoseBoundItDoesNotExceed) {
  DurationHistogram histogram;
  for (const Millis bound : DurationTotals::kBounds) histogram.note(bound);
  EXPECT_THAT(histogram.read().buckets,
              ElementsAre(1U, 1U, 1U, 1U, 1U, 1U, 1U, 1U, 1U, 1U, 1U, 1U, 0U));
  for (const Millis bound : DurationTotals::kBounds) histogram.note(bound + Millis{1});
  EXPECT_THAT(histogram.read().buckets,
              ElementsAre(1U, 2U, 2U, 2U, 2U, 2U, 2U, 2U, 2U, 2U, 2U, 2U, 1U));
  EXPECT_EQ(histogram.read().count(), 24U);
}

TEST(DurationHistogramTest, TheSumIsThatOfAllDurations) {
  DurationHistogram histogram;
  histogram.note(Millis{0});
  histogram.note(Millis{7});
  histogram.note(Millis{60'000});
  EXPECT_EQ(histogram.read().sum_ms, 60'007U);
}

TEST(NodeMeterTest, AResponseCountsInItsClass) {
  NodeMeter meter;
  for (const int status : {0, 101, 200, 204, 302, 404, 503, 599}) meter.note_end(status);
  NodeTotals totals;
  meter.add_to(totals);
  EXPECT_THAT(totals.responses, ElementsAre(1U, 1U, 2U, 1U, 1U, 2U));
  EXPECT_EQ(totals.exchanges(), 8U);
}

TEST(NodeMeterTest, AStatusOfNoClassCountsAsNone) {
  NodeMeter meter;
  meter.note_end(999);
  NodeTotals totals;
  meter.add_to(totals);
  EXPECT_THAT(totals.responses, ElementsAre(1U, 0U, 0U, 0U, 0U, 0U));
}

/// Totals in which every figure is this one.
NodeTotals all(std::uint64_t figure) {
  NodeTotals totals;
  for (const auto& [name, count] : kNodeCounts) totals.*count = figure;
  for (const auto& [name, durations] : kNodeDurations) {
    (totals.*durations).buckets.fill(figure);
    (totals.*durations).sum_ms = figure;
  }
  totals.responses.fill(figure);
  return totals;
}

TEST(NodeTotalsTest, AddLeavesNothingOut) {
  NodeTotals totals = all(1);
  totals.add(all(2));
  for (const auto& [name, count] : kNodeCounts) EXPECT_EQ(totals.*count, 3U) << name;
  for (const auto& [name, durations] : kNodeDurations) {
    EXPECT_THAT((totals.*durations).buckets, Each(3U)) << name;
    EXPECT_EQ((totals.*durations).sum_ms, 3U) << name;
  }
  EXPECT_THAT(totals.responses, Each(3U));
  // A new member needs a row in one of the tables.
  EXPECT_EQ(sizeof(NodeTotals) / sizeof(std::uint64_t),
            kNodeCounts.size() + kNodeDurations.size() * (DurationTotals::kBuckets + 1) +
                kResponseClasses);
}

TEST(NodeTotalsTest, SinceLeavesNothingOutAndNothingIsNegative) {
  for (const auto& [now, news] : {std::pair{5U, 3U}, std::pair{1U, 0U}}) {
    const NodeTotals since = all(now).since(all(2));
    for (const auto& [name, count] : kNodeCounts) EXPECT_EQ(since.*count, news) << name;
    for (const auto& [name, durations] : kNodeDurations) {
      EXPECT_THAT((since.*durations).buckets, Each(news)) << name;
      EXPECT_EQ((since.*durations).sum_ms, news) << name;
    }
    EXPECT_THAT(since.responses, Each(news));
  }
}

TEST(NodeMetersTest, AreAddedUpOverTheWorkersAndTheProcessBefore) {
  NodeMeters meters;
  meters.of_worker(2).reuses.add(5);
  meters.of_worker(0).reuses.add(1);
  meters.of_worker(2).reuses.add(1);
  meters.set_inherited(all(10));
  EXPECT_EQ(meters.read().reuses, 17U);
  meters.set_inherited(all(20));
  EXPECT_EQ(meters.read().reuses, 27U) << "the latest report holds, not the sum of all";
}

TEST(NodeMetersTest, AWorkerGetsTheSameOneAgain) {
  NodeMeters meters;
  EXPECT_EQ(&meters.of_worker(1), &meters.of_worker(1));
  EXPECT_NE(&meters.of_worker(1), &meters.of_worker(0));
}

TEST(NodeMetersTest, WhatHappenedToUsersIsAmongTheTotalsOfTheNode) {
  const SessionCounts sessions;
  Node node("shop", "alice", sessions);
  node.counters.begun = 1;
  node.counters.moved = 2;
  node.counters.rescued = 3;
  node.counters.late = 4;
  node.counters.logged_out = 5;
  node.meters.set_inherited(all(10));
  const NodeTotals totals = node.totals();
  EXPECT_EQ(totals.begun, 11U);
  EXPECT_EQ(totals.moved, 12U);
  EXPECT_EQ(totals.rescued, 13U);
  EXPECT_EQ(totals.late, 14U);
  EXPECT_EQ(totals.logged_out, 15U);
}

}  // namespace
}  // namespace bonedry::balancer
