#include "admin/ack_timeouts.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using std::chrono::seconds;

class PromisedAnswersTest : public testing::Test {
 protected:
  ChangeCallback with_timeout(const std::string& consequence) {
    return answers.with_timeout(consequence,
                                [this](const Result<ChangeResult, CommandError>& result) {
                                  given.push_back(result ? to_text(*result) : result.error().text);
                                });
  }
  void pass(Millis by) {
    clock.advance(by);
    answers.tick();
  }

  ManualClock clock;
  std::string who;
  AckTimeouts answers{clock, [this] { return who; }};
  std::vector<std::string> given;
  const ChangeResult reloaded = ReloadResult{};
};

TEST_F(PromisedAnswersTest, OneThatComesInTimeIsGivenAsItIs) {
  const ChangeCallback answer = with_timeout("nobody comes");
  pass(seconds{4});
  answer(reloaded);
  pass(seconds{9});
  EXPECT_EQ(given, std::vector<std::string>{"reloaded: nothing has changed"});
}

TEST_F(PromisedAnswersTest, OneThatDoesNotComeIsGivenOnceAndSaysWhoIsWaitedFor) {
  const ChangeCallback answer = with_timeout("nobody comes");
  who = "process 77";
  pass(seconds{5});
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given.front(),
            "process 77 has not acknowledged within 5s: the change is saved and in force in "
            "this process, but until it acknowledges or exits, nobody comes");
  answer(reloaded);
  EXPECT_EQ(given.size(), 1U);
}

TEST_F(PromisedAnswersTest, EachHasItsTime) {
  const ChangeCallback first = with_timeout("a");
  clock.advance(seconds{3});
  const ChangeCallback second = with_timeout("b");
  pass(seconds{2});
  EXPECT_EQ(given.size(), 1U);
  pass(seconds{3});
  EXPECT_EQ(given.size(), 2U);
}

TEST_F(PromisedAnswersTest, OneThatNobodyCanGiveAnyMoreIsForgotten) {
  { const ChangeCallback dropped = with_timeout("a"); }
  pass(seconds{9});
  EXPECT_TRUE(given.empty());
}

}  // namespace
}  // namespace bonedry::admin
