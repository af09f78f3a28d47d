#include "balancer/idle_lifetime.h"

#include <gtest/gtest.h>

namespace bonedry::balancer {
namespace {

using std::chrono::seconds;

class IdleLifetimeTest : public testing::Test {
 protected:
  IdleLifetimeTest() { lifetime_.set_max(kMax); }
  void close_some(unsigned count, Millis age) {
    for (unsigned i = 0; i < count; ++i) {
      now_ = now_ + Millis{1};
      lifetime_.note_closed(age, now_, now_);
    }
  }
  [[nodiscard]] Millis usable(Repeat repeat) { return lifetime_.usable(repeat, now_); }

  static constexpr Millis kMax = seconds{55};
  Instant now_{1'000'000};
  IdleLifetime lifetime_;
};

TEST_F(IdleLifetimeTest, ANodeThatClosesNothingIsTrusted) {
  EXPECT_EQ(usable(Repeat::forbidden), kMax);
  close_some(100, kMax + seconds{1});
  EXPECT_EQ(usable(Repeat::forbidden), kMax);
}

TEST_F(IdleLifetimeTest, AFewThatCloseEarlyTeachWhatMayNotBeRepeated) {
  close_some(IdleLifetime::kFew - 1, seconds{5});
  EXPECT_EQ(usable(Repeat::forbidden), kMax);
  close_some(1, seconds{5});
  EXPECT_EQ(usable(Repeat::forbidden), seconds{4});
  EXPECT_EQ(usable(Repeat::allowed), kMax);
  close_some(IdleLifetime::kMany, seconds{5});
  EXPECT_EQ(usable(Repeat::allowed), seconds{4});
}

TEST_F(IdleLifetimeTest, OneThatClosesAfterEachAnswerIsNeverUsedAgain) {
  close_some(IdleLifetime::kFew, Millis{1});
  EXPECT_EQ(usable(Repeat::forbidden), Millis{0});
}

TEST_F(IdleLifetimeTest, ARestartIsOneEvent) {
  const Instant before = now_;
  for (int i = 1; i <= 100; ++i) {
    now_ = now_ + Millis{1};
    lifetime_.note_closed(Millis{i}, before, now_);
  }
  EXPECT_EQ(usable(Repeat::forbidden), kMax);
}

TEST_F(IdleLifetimeTest, WhatIsNotConfirmedIsForgottenSlowly) {
  close_some(IdleLifetime::kFew, Millis{0});
  now_ = now_ + IdleLifetime::kRecovery;
  EXPECT_EQ(usable(Repeat::forbidden), IdleLifetime::kShortest);
  now_ = now_ + IdleLifetime::kRecovery;
  EXPECT_EQ(usable(Repeat::forbidden), 2 * IdleLifetime::kShortest);
  now_ = now_ + 20 * IdleLifetime::kRecovery;
  EXPECT_EQ(usable(Repeat::forbidden), kMax);
}

TEST_F(IdleLifetimeTest, WhatIsConfirmedIsKept) {
  close_some(IdleLifetime::kFew, seconds{5});
  for (int i = 0; i < 100; ++i) {
    now_ = now_ + IdleLifetime::kRecovery / 2;
    lifetime_.note_closed(seconds{5}, now_, now_);
  }
  EXPECT_EQ(usable(Repeat::forbidden), seconds{4});
}

TEST_F(IdleLifetimeTest, TheMarginOfAShortLifeIsHalfOfIt) {
  EXPECT_EQ(with_margin(seconds{5}), seconds{4});
  EXPECT_EQ(with_margin(seconds{1}), Millis{500});
  EXPECT_EQ(with_margin(Millis{1}), Millis{0});
}

}  // namespace
}  // namespace bonedry::balancer
