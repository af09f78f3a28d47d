#include "balancer/retry_budget.h"

#include <gtest/gtest.h>

namespace bonedry::balancer {
namespace {

std::uint64_t drain(RetryBudget& budget) {
  std::uint64_t taken = 0;
  while (budget.take()) ++taken;
  return taken;
}

TEST(RetryBudgetTest, APoolBeginsWithAFew) {
  RetryBudget budget;
  budget.set_percent(20);
  EXPECT_EQ(drain(budget), RetryBudget::kFirst);
}

TEST(RetryBudgetTest, FromThenOnRetriesAreAShareOfTheRequests) {
  RetryBudget budget;
  budget.set_percent(20);
  drain(budget);
  for (int i = 0; i < 100; ++i) budget.note_request();
  EXPECT_EQ(drain(budget), 20U);
}

TEST(RetryBudgetTest, ALongCalmSavesUpOnlySoMuch) {
  RetryBudget budget;
  budget.set_percent(100);
  for (int i = 0; i < 100'000; ++i) budget.note_request();
  EXPECT_EQ(drain(budget), RetryBudget::kMax);
}

TEST(RetryBudgetTest, NoneIsNone) {
  RetryBudget budget;
  budget.set_percent(0);
  budget.note_request();
  EXPECT_FALSE(budget.take());
}

}  // namespace
}  // namespace bonedry::balancer
