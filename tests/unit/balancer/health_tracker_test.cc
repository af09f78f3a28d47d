#include "balancer/health_tracker.h"

#include <gtest/gtest.h>

namespace bonedry::balancer {
namespace {

using enum CheckResult;

TEST(HealthJudgeTest, NothingIsKnownBeforeTheFirstResult) {
  EXPECT_EQ(HealthTracker(2, 3).health(), Health::unknown);
}

TEST(HealthJudgeTest, TheFirstResultDecidesAtOnce) {
  HealthTracker lucky(5, 5);
  EXPECT_EQ(lucky.note(passed), Health::up);
  EXPECT_EQ(lucky.health(), Health::up);

  HealthTracker unlucky(5, 5);
  EXPECT_EQ(unlucky.note(failed), Health::down);
  EXPECT_EQ(unlucky.health(), Health::down);
}

TEST(HealthJudgeTest, AsManyFailuresInARowAsFallMakeItDown) {
  HealthTracker judge(2, 3);
  ASSERT_EQ(judge.note(passed), Health::up);
  EXPECT_EQ(judge.note(failed), std::nullopt);
  EXPECT_EQ(judge.note(failed), std::nullopt);
  EXPECT_EQ(judge.health(), Health::up);
  EXPECT_EQ(judge.note(failed), Health::down);
}

TEST(HealthJudgeTest, AsManyPassesInARowAsRiseMakeItUp) {
  HealthTracker judge(3, 1);
  ASSERT_EQ(judge.note(failed), Health::down);
  EXPECT_EQ(judge.note(passed), std::nullopt);
  EXPECT_EQ(judge.note(passed), std::nullopt);
  EXPECT_EQ(judge.note(passed), Health::up);
}

TEST(HealthJudgeTest, ARowThatIsBrokenStartsAnew) {
  HealthTracker judge(2, 3);
  ASSERT_EQ(judge.note(passed), Health::up);
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(judge.note(failed), std::nullopt);
    EXPECT_EQ(judge.note(failed), std::nullopt);
    EXPECT_EQ(judge.note(passed), std::nullopt);
  }
  EXPECT_EQ(judge.health(), Health::up);
}

TEST(HealthJudgeTest, MoreOfTheSameChangesNothing) {
  HealthTracker judge(1, 1);
  ASSERT_EQ(judge.note(failed), Health::down);
  EXPECT_EQ(judge.note(failed), std::nullopt);
  ASSERT_EQ(judge.note(passed), Health::up);
  EXPECT_EQ(judge.note(passed), std::nullopt);
}

TEST(HealthJudgeTest, NewThresholdsCountForWhatComesAndForgetNothing) {
  HealthTracker judge(2, 5);
  ASSERT_EQ(judge.note(passed), Health::up);
  EXPECT_EQ(judge.note(failed), std::nullopt);
  judge.set_thresholds(2, 2);
  EXPECT_EQ(judge.health(), Health::up);
  EXPECT_EQ(judge.note(failed), Health::down);
}

}  // namespace
}  // namespace bonedry::balancer
