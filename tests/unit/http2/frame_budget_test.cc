#include "proxy/http2/frame_budget.h"

#include <gtest/gtest.h>

namespace bonedry::http2 {
namespace {

unsigned take_all(FrameBudget& budget, Instant now) {
  unsigned taken = 0;
  while (taken < 10'000 && budget.take(now)) ++taken;
  return taken;
}

TEST(FrameBudgetTest, ABurstAndThenSoManyASecond) {
  FrameBudget budget(10, 4);
  EXPECT_EQ(take_all(budget, Instant{1'000}), 10U);
  EXPECT_EQ(take_all(budget, Instant{1'249}), 0U);
  EXPECT_EQ(take_all(budget, Instant{1'250}), 1U);
  EXPECT_EQ(take_all(budget, Instant{3'250}), 8U);
}

TEST(FrameBudgetTest, ItNeverHoldsMoreThanABurst) {
  FrameBudget budget(10, 4);
  EXPECT_EQ(take_all(budget, Instant{1'000}), 10U);
  EXPECT_EQ(take_all(budget, Instant{1'000'000'000'000}), 10U);
}

TEST(FrameBudgetTest, WhatIsGivenBackIsNoMoreThanTheBurst) {
  FrameBudget budget(2, 0);
  budget.give_back();
  EXPECT_EQ(take_all(budget, Instant{1'000}), 2U);
  budget.give_back();
  EXPECT_EQ(take_all(budget, Instant{1'000}), 1U);
}

TEST(FrameBudgetTest, TimeThatGoesBackRefillsNothing) {
  FrameBudget budget(1, 1'000);
  EXPECT_TRUE(budget.take(Instant{5'000}));
  EXPECT_FALSE(budget.take(Instant{4'000}));
}

}  // namespace
}  // namespace bonedry::http2
