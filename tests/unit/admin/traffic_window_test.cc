#include "admin/traffic_window.h"

#include <gtest/gtest.h>

#include <memory>

namespace bonedry::admin {
namespace {

using namespace std::chrono_literals;
using balancer::DurationTotals;

DurationTotals durations_of(const std::vector<Millis>& durations) {
  balancer::DurationHistogram histogram;
  for (const Millis one : durations) histogram.note(one);
  return histogram.read();
}

TEST(QuantileTest, ThereIsNoneOfNothing) {
  EXPECT_EQ(quantile({}, 0.5), std::nullopt);
}

TEST(QuantileTest, IsInterpolatedInItsBucket) {
  // Four between 10 and 25 ms.
  const DurationTotals four = durations_of({11ms, 12ms, 13ms, 24ms});
  EXPECT_DOUBLE_EQ(*quantile(four, 0.5), 0.010 + 0.015 / 2);
  EXPECT_DOUBLE_EQ(*quantile(four, 1), 0.025);
  EXPECT_DOUBLE_EQ(*quantile(durations_of({1ms, 2ms}), 0.5), 0.0025) << "the first begins at 0";
}

TEST(QuantileTest, BucketsInWhichNothingIsAreNone) {
  const DurationTotals far = durations_of({1ms, 900ms});
  EXPECT_DOUBLE_EQ(*quantile(far, 0.5), 0.005);
  EXPECT_DOUBLE_EQ(*quantile(far, 0.75), 0.75);
}

TEST(QuantileTest, WhatIsAboveAllBoundsIsAtLeastTheLast) {
  EXPECT_DOUBLE_EQ(*quantile(durations_of({60'000ms, 70'000ms}), 0.5), 30.0);
}

class TrafficWindowTest : public testing::Test {
 protected:
  TrafficWindowTest() { add("alice"); }

  balancer::Node& add(const std::string& name) {
    balancer::NodeView view;
    view.node = std::make_shared<balancer::Node>("shop", name, sessions_);
    if (topology_.pools.empty()) topology_.pools.emplace_back();
    topology_.pools.front().nodes.push_back(view);
    return *view.node;
  }
  balancer::NodeMeter& alice() {
    return topology_.pools.front().nodes.front().node->meters.of_worker(0);
  }
  void pass(Millis by) {
    for (const Instant end = now_ + by; now_ < end;) {
      now_ = now_ + 100ms;
      window_.note(topology_, now_);
    }
  }
  [[nodiscard]] std::optional<RecentTraffic> traffic() const {
    return window_.of({"shop", "alice"});
  }

  const balancer::SessionCounts sessions_;
  balancer::Topology topology_;
  Instant now_{1'000'000};
  TrafficWindow window_;
};

TEST_F(TrafficWindowTest, NothingIsKnownInTheFirstSecond) {
  pass(900ms);
  EXPECT_FALSE(traffic());
  pass(1s);
  ASSERT_TRUE(traffic());
  EXPECT_EQ(traffic()->requests_per_second, 0);
  EXPECT_EQ(traffic()->median_s, std::nullopt);
  EXPECT_FALSE(window_.of({"shop", "bob"}));
}

TEST_F(TrafficWindowTest, LooksBackOnTenSeconds) {
  pass(1s);
  for (int i = 0; i < 30; ++i) {
    alice().note_end(i < 5 ? 500 : 200);
    alice().duration.note(20ms);
  }
  alice().failures.add(5);
  pass(10s);
  EXPECT_DOUBLE_EQ(traffic()->requests_per_second, 3);
  EXPECT_DOUBLE_EQ(traffic()->errors_per_second, 1);
  EXPECT_DOUBLE_EQ(*traffic()->median_s, 0.0175);
  EXPECT_GT(*traffic()->p99_s, 0.024);
  pass(1s);
  EXPECT_DOUBLE_EQ(traffic()->requests_per_second, 0) << "that is longer ago";
  EXPECT_EQ(traffic()->p99_s, std::nullopt);
}

TEST_F(TrafficWindowTest, ANodeThatWasAddedAnewBeginsAnew) {
  alice().note_end(200);
  pass(5s);
  topology_.pools.front().nodes.clear();
  add("alice");
  pass(1s);
  EXPECT_FALSE(traffic());
  pass(1s);
  EXPECT_DOUBLE_EQ(traffic()->requests_per_second, 0);
}

TEST_F(TrafficWindowTest, FewerDurationsBeginAnewEvenIfTheRequestsAreMore) {
  alice().note_end(200);
  alice().duration.note(20ms);
  pass(5s);
  topology_.pools.front().nodes.clear();
  add("alice");
  alice().note_end(200);
  alice().note_end(200);
  pass(1s);
  EXPECT_FALSE(traffic());
}

TEST_F(TrafficWindowTest, ANodeThatIsGoneIsForgotten) {
  pass(3s);
  topology_.pools.front().nodes.clear();
  pass(1s);
  EXPECT_FALSE(traffic());
}

}  // namespace
}  // namespace bonedry::admin
