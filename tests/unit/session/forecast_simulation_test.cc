// The accuracy of the forecast: bleeds of simulated pools, and the forecasts made during them. The
// printed table is the one in bench/README.md.

#include "tests/unit/session/forecast_world.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace bonedry::session::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr SessionTimes kTimes{minutes{20}, minutes{20}, hours{4}};
constexpr double kMinute = 60;

double exponential(std::mt19937_64& random) {
  return std::exponential_distribution<double>(1 / (10 * kMinute))(random);
}

double log_normal(std::mt19937_64& random) {
  return std::lognormal_distribution<double>(std::log(4 * kMinute), 1.2)(random);
}

/// One user in twenty keeps a page open that sends requests forever.
double mixed(std::mt19937_64& random) {
  return random() % 20 == 0 ? 1e9 : exponential(random);
}

constexpr double kShift = 8 * 3600;
const Habits kHabits[] = {
    {"exponential", exponential, 0.3, 0, kShift},
    {"log-normal", log_normal, 0.3, 0, kShift},
    {"one in twenty never leaves", mixed, 0.3, 0, kShift},
    {"exponential, ten at a time", exponential, 0.03, 0, kShift},
    {"exponential, started half an hour ago", exponential, 0.3, 0, 1800, 0.5, 0.6},
    {"exponential, and crawlers", exponential, 0.3, 0.5, kShift},
    {"crawlers alone", exponential, 0, 0.5, kShift},
    {"exponential, no other node", exponential, 0.3, 0, kShift, 1, 0.6},
    {"log-normal, no other node", log_normal, 0.3, 0, kShift, 1, 0.6},
};

/// A small number, because every build runs the tests. The documented table is made with
/// FORECAST_RUNS=200.
int runs() {
  const char* asked = std::getenv("FORECAST_RUNS");  // NOLINT(concurrency-mt-unsafe): one thread
  return asked == nullptr ? 24 : std::atoi(asked);
}

void print(const Habits& habits, double part, const Score& score) {
  std::printf("| %s | %.0f %% | %.2f | %.2f to %.2f | %.0f %% |\n", habits.name.c_str(), part * 100,
              score.median, score.p10, score.p90,
              100.0 * static_cast<double>(score.in_range) / static_cast<double>(score.runs));
}

TEST(ForecastSimulation, TheTruthIsWithinTheRangeAndNearTheForecast) {
  const std::vector<double> parts{0.1, 0.5, 0.9};
  std::printf(
      "| users | asked at | median | middle 80 %% | in the range |\n|---|---|---|---|---|\n");
  for (const Habits& habits : kHabits) {
    const std::vector<Score> all = scores(habits, kTimes, parts, runs());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      print(habits, parts[i], all[i]);
      SCOPED_TRACE(habits.name + " at " + std::to_string(parts[i]));
      EXPECT_EQ(all[i].told, all[i].runs);
      EXPECT_GE(static_cast<double>(all[i].in_range),
                habits.in_range * static_cast<double>(all[i].runs));
      EXPECT_GT(all[i].median, 0.75);
      EXPECT_LT(all[i].median, 1.4);
    }
  }
}

TEST(ForecastSimulation, WhatIsKnownForCertainIsToldForCertain) {
  // Near the end nearly all users have left and only idle time-outs have to pass. Crawlers'
  // sessions end at a known time.
  for (const Habits& habits : {kHabits[0], kHabits[1], kHabits[2], kHabits[5], kHabits[6]}) {
    const Score end = scores(habits, kTimes, {0.9}, runs()).front();
    EXPECT_GT(end.median, 0.98) << habits.name;
    EXPECT_LT(end.median, 1.02) << habits.name;
  }
  const Score crawled = scores(kHabits[6], kTimes, {0.1}, runs()).front();
  EXPECT_GT(crawled.p10, 0.999);
  EXPECT_LT(crawled.p90, 1.001);
}

}  // namespace
}  // namespace bonedry::session::test
