#include "proxy/base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace bonedry {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Failure{"odd"};
  return number / 2;
}

TEST(ResultTest, HoldsAValue) {
  const Result<int> result = half(8);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result.has_value());
  EXPECT_EQ(*result, 4);
}

TEST(ResultTest, HoldsAnError) {
  const Result<int> result = half(7);
  EXPECT_FALSE(result);
  EXPECT_FALSE(result.has_value());
  EXPECT_EQ(result.error(), "odd");
}

TEST(ResultTest, TellsValueAndErrorOfOneTypeApart) {
  const Result<std::string> value = std::string{"text"};
  const Result<std::string> error = Failure{std::string{"text"}};
  EXPECT_TRUE(value);
  EXPECT_FALSE(error);
  EXPECT_EQ(*value, error.error());
}

TEST(ResultTest, GivesAccessToMembersAndLetsThemChange) {
  Result<std::string> result = std::string{"bone"};
  result->append("dry");
  *result += "!";
  EXPECT_EQ(result->size(), 8U);
  EXPECT_EQ(*std::as_const(result), "bonedry!");
  EXPECT_EQ(std::as_const(result)->size(), 8U);
}

TEST(ResultTest, CarriesWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  ASSERT_TRUE(result);
  const std::unique_ptr<int> taken = std::move(*result);
  EXPECT_EQ(*taken, 7);
}

TEST(ResultTest, TakesAnyTypeOfError) {
  enum class Why { late, lost };
  const Result<int, Why> result = Failure{Why::lost};
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Why::lost);
}

TEST(ResultTest, AnOutcomeIsDoneOrAnError) {
  const Result<> good = Done{};
  const Result<> bad = Failure{"no"};
  EXPECT_TRUE(good);
  EXPECT_EQ(bad.error(), "no");
}

#ifndef NDEBUG
TEST(ResultDeathTest, ReadingTheAbsentSideIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH((void)*half(7), "has_value");
  EXPECT_DEATH((void)half(8).error(), "has_value");
}
#endif

}  // namespace
}  // namespace bonedry
