#include "session/forecast.h"

#include "proxy/base/duration.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

namespace bonedry::session {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant kAt{100'000'000};
constexpr SessionTimes kTimes{minutes{20}, minutes{10}, hours{12}};

/// A live session of this age that has been idle for this long.
SessionInfo user(Millis age, Millis idle) {
  SessionInfo info;
  info.state = SessionState::live;
  info.created = kAt - age;
  info.last = kAt - idle;
  info.ends = std::min(info.last + kTimes.idle, info.created + kTimes.lifetime);
  return info;
}

SessionInfo crawled(Millis idle) {
  SessionInfo info;
  info.created = info.last = kAt - idle;
  info.ends = info.last + kTimes.pending;
  return info;
}

SessionInfo held(Millis age) {
  SessionInfo info = user(age, Millis{0});
  info.exchanges_open = 1;
  info.ends = kNeverEnds;
  return info;
}

/// Users who arrive at a steady rate, click every half minute and stay for ten minutes on average:
/// a pool of them, and the recorded stays of earlier users.
class SteadyPool : public testing::Test {
 protected:
  SteadyPool() {
    for (int second = 0; second < 20 * 60; ++second) {
      // A user who has left since then; a user who is still there and clicked in the last half
      // minute.
      pool.add(user(minutes{10} + seconds{second}, seconds{second}), kAt);
      if (second < 600) pool.add(user(seconds{second * 3}, seconds{second % 30}), kAt);
    }
    for (int i = 0; i < 10'000; ++i) {
      const double stay_s = -600 * std::log((i + 0.5) / 10'000);
      ++left.counts[TimeScale::step_of(Millis{static_cast<std::int64_t>(stay_s * 1000)})];
    }
  }

  [[nodiscard]] std::optional<DryForecast> tell() const {
    return forecast(node, UserModel(pool, left, kTimes), kTimes, kAt);
  }

  SessionSummary pool;
  SessionSummary node;
  StayHistogram left;
};

TEST_F(SteadyPool, NobodyIsGoneAtOnce) {
  EXPECT_EQ(tell(), DryForecast{});
}

TEST_F(SteadyPool, WhoIdledLongIsGoneAndWhoClickedJustNowIsNot) {
  const UserModel users(pool, left, kTimes);
  EXPECT_GT(users.departed_probability(TimeScale::step_of(minutes{5})), 0.95);
  EXPECT_GT(users.departed_probability(TimeScale::step_of(minutes{19})), 0.95);
  EXPECT_EQ(users.departed_probability(TimeScale::step_of(hours{1})), 1.0);
  // For each second of idle time below half a minute, twenty users are still there and one has
  // left.
  EXPECT_NEAR(users.departed_probability(TimeScale::step_of(seconds{10})), 1.0 / 21, 0.02);
  double last = 0;
  for (std::size_t step = 0; step < TimeScale::kSteps; ++step) {
    EXPECT_GE(users.departed_probability(step), last)
        << "who idles longer is not likelier to come back";
    last = users.departed_probability(step);
  }
}

TEST_F(SteadyPool, TheLifeTableFindsTheMeanStay) {
  const UserModel users(pool, left, kTimes);
  for (const double age_s : {0.0, 300.0, 1800.0}) {
    EXPECT_NEAR(users.survival(age_s, age_s + 600, 1), std::exp(-1), 0.08) << age_s;
  }
  EXPECT_GT(users.survival(0, 600, 0.5), users.survival(0, 600, 1));
  EXPECT_LT(users.survival(0, 600, 2), users.survival(0, 600, 1));
}

TEST_F(SteadyPool, WhoIsGoneEndsAtAKnownTime) {
  node.add(user(hours{1}, minutes{15}), kAt);
  const auto told = tell();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->likely, minutes{5});
  EXPECT_EQ(told->low, minutes{5});
}

TEST_F(SteadyPool, CrawlersEndAtAKnownTime) {
  node.add(crawled(minutes{4}), kAt);
  node.add(crawled(minutes{3}), kAt);
  EXPECT_EQ(tell(), (DryForecast{minutes{7}, minutes{7}, minutes{7}}));
  pool = {};
  left = {};
  EXPECT_EQ(tell(), (DryForecast{minutes{7}, minutes{7}, minutes{7}}))
      << "this takes no experience";
}

TEST_F(SteadyPool, OneUserStaysAsUsersDo) {
  node.add(held(minutes{5}), kAt);
  const auto told = tell();
  ASSERT_TRUE(told);
  // The median of the remaining exponential stay, plus the idle time after it.
  const double expected_s = 600 * std::log(2) + 1200;
  EXPECT_NEAR(static_cast<double>(told->likely.count()) / 1000, expected_s, 120);
  EXPECT_LT(told->low, told->likely);
  EXPECT_GT(told->high, told->likely);
  EXPECT_GT(told->low, kTimes.idle);
}

TEST_F(SteadyPool, ManyTakeLongerThanOne) {
  node.add(held(minutes{5}), kAt);
  const auto one = tell();
  for (int i = 0; i < 99; ++i) node.add(held(minutes{5}), kAt);
  const auto hundred = tell();
  ASSERT_TRUE(one && hundred);
  // The longest of a hundred exponential stays: the mean times the sum of 1/k, about 5.2.
  EXPECT_NEAR(static_cast<double>((hundred->likely - kTimes.idle).count()) / 1000, 600 * 5, 400);
  EXPECT_GT(hundred->low, one->likely);
}

TEST_F(SteadyPool, NobodyStaysLongerThanALifetime) {
  left = {};
  for (int i = 0; i < 5; ++i) ++left.counts[TimeScale::step_of(hours{11})];
  pool = {};
  for (int i = 0; i < 1000; ++i) pool.add(held(hours{i % 10}), kAt);
  node.add(held(hours{2}), kAt);
  for (int i = 0; i < 50; ++i) node.add(held(hours{4}), kAt);
  const auto told = tell();
  ASSERT_TRUE(told);
  EXPECT_LE(told->high, hours{10});
  EXPECT_GT(told->likely, hours{9});
}

TEST_F(SteadyPool, WithoutExperienceNothingIsToldOfUsers) {
  left = {};
  pool = {};
  node.add(held(minutes{5}), kAt);
  pool.add(held(minutes{5}), kAt);
  EXPECT_FALSE(tell());
}

TEST_F(SteadyPool, TheRangeGrowsWithDoubt) {
  for (int i = 0; i < 20; ++i) node.add(held(minutes{5}), kAt);
  const auto sure = tell();
  left = {};
  left.counts[TimeScale::step_of(minutes{10})] = 6;
  pool = {};
  for (int i = 0; i < 20; ++i) pool.add(held(minutes{5}), kAt);
  const auto unsure = tell();
  ASSERT_TRUE(sure && unsure);
  const auto width = [](const DryForecast& told) {
    return static_cast<double>(told.high.count()) / static_cast<double>(told.low.count());
  };
  EXPECT_GT(width(*unsure), width(*sure));
}

TEST_F(SteadyPool, OddTimesDoNoHarm) {
  // An idle time-out as long as the lifetime, ages from a clock that lags, a time-out of 1 ms.
  node.add(user(Millis{-500}, Millis{-500}), kAt);
  node.add(user(hours{24 * 40}, hours{24 * 30}), kAt);
  node.add(held(Millis{0}), kAt);
  for (const SessionTimes times : {SessionTimes{hours{12}, hours{12}, hours{12}},
                                   SessionTimes{Millis{1}, Millis{1}, Millis{1}},
                                   SessionTimes{hours{24 * 365}, minutes{1}, hours{24 * 365}}}) {
    const auto told = forecast(node, UserModel(pool, left, times), times, kAt);
    ASSERT_TRUE(told);
    EXPECT_GE(told->low, Millis{0});
    EXPECT_LE(told->low, told->likely);
    EXPECT_LE(told->likely, told->high);
    EXPECT_LE(told->high, std::max<Millis>(times.lifetime + seconds{1}, kTimes.idle + seconds{1}));
  }
}

TEST(TimeScale, StepsAreInOrderAndHoldTheirTimes) {
  EXPECT_EQ(TimeScale::begin_s(0), 0.0);
  for (std::size_t step = 0; step + 1 < TimeScale::kSteps; ++step) {
    EXPECT_LT(TimeScale::begin_s(step), TimeScale::begin_s(step + 1));
    EXPECT_EQ(
        TimeScale::step_of(Millis{static_cast<std::int64_t>(TimeScale::middle_s(step) * 1000)}),
        step);
  }
  EXPECT_EQ(TimeScale::step_of(Millis{-1}), 0U);
  EXPECT_EQ(TimeScale::step_of(kMaxDuration), TimeScale::kSteps - 1);
}

}  // namespace
}  // namespace bonedry::session
