#include "proxy/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>

namespace bonedry {
namespace {

TEST(RandomTest, TheSameSeedGivesTheSameNumbers) {
  Random one(5);
  Random two(5);
  Random other(6);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t number = one.next();
    EXPECT_EQ(two.next(), number);
    same += other.next() == number ? 1 : 0;
  }
  EXPECT_EQ(same, 0);
}

TEST(RandomTest, NumbersBelowABoundAreEven) {
  Random random(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70'000; ++i) {
    const std::uint32_t number = random.below(7);
    ASSERT_LT(number, 7U);
    ++seen[number];
  }
  for (const int count : seen) EXPECT_NEAR(count, 10'000, 500);
}

TEST(RandomTest, BelowOneThereIsOnlyZero) {
  Random random(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomTest, TheLargestBoundIsUsedToItsEnd) {
  Random random(1);
  std::uint32_t largest = 0;
  for (int i = 0; i < 1000; ++i) largest = std::max(largest, random.below(0xFFFFFFFFU));
  EXPECT_GT(largest, 0xF0000000U);
}

TEST(RandomTest, UnitsAreEvenlyBetweenZeroAndOne) {
  Random random(1);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double unit = random.unit();
    ASSERT_GE(unit, 0.0);
    ASSERT_LT(unit, 1.0);
    sum += unit;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(RandomTest, SeedsInARowGiveDifferentBeginnings) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) first.insert(Random(seed).next());
  EXPECT_EQ(first.size(), 1000U);
}

}  // namespace
}  // namespace bonedry
