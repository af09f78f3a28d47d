#include "balancer/check_history.h"

#include <gtest/gtest.h>

namespace bonedry::balancer {
namespace {

class CheckHistoryTest : public testing::Test {
 protected:
  void check(CheckResult result) {
    history.begin();
    history.end({result, "connect", "", Instant{}, Millis{1}});
  }
  void pass() { check(CheckResult::passed); }
  void fail() { check(CheckResult::failed); }

  CheckHistory history;
};

TEST_F(CheckHistoryTest, CountsPassesUpToTheLastCheck) {
  EXPECT_EQ(history.passed_in_a_row(0), 0U);
  EXPECT_FALSE(history.last());
  pass();
  pass();
  EXPECT_EQ(history.passed_in_a_row(0), 2U);
  fail();
  EXPECT_EQ(history.passed_in_a_row(0), 0U);
  pass();
  EXPECT_EQ(history.passed_in_a_row(0), 1U);
  EXPECT_EQ(history.last()->result, CheckResult::passed);
}

TEST_F(CheckHistoryTest, LeavesOutThoseThatBeganBefore) {
  pass();
  pass();
  history.begin();
  const std::uint64_t before = history.begun();
  history.end({CheckResult::passed, "connect", "", Instant{}, Millis{1}});
  EXPECT_EQ(history.passed_in_a_row(before), 0U) << "it was under way already";
  pass();
  EXPECT_EQ(history.passed_in_a_row(before), 1U);
  fail();
  pass();
  pass();
  EXPECT_EQ(history.passed_in_a_row(before), 2U);
}

TEST_F(CheckHistoryTest, ACheckWithoutAResultEndsTheRow) {
  pass();
  history.begin();
  history.give_up();
  EXPECT_EQ(history.passed_in_a_row(0), 0U);
  pass();
  EXPECT_EQ(history.passed_in_a_row(0), 1U);
}

TEST_F(CheckHistoryTest, ForgetsWhatIsNoLongerValid) {
  pass();
  history.note_change();
  EXPECT_TRUE(history.changed());
  history.forget();
  EXPECT_EQ(history.passed_in_a_row(0), 0U);
  EXPECT_FALSE(history.last());
  EXPECT_FALSE(history.changed());
}

}  // namespace
}  // namespace bonedry::balancer
