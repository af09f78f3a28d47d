#include "proxy/inquiries.h"

#include "tests/unit/proxy/scripted_members.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace bonedry::proxy {
namespace {

using session::Answer;
using session::SessionInquiry;

class InquiriesTest : public testing::Test {
 protected:
  static SessionInquiry about(std::uint64_t first, std::uint64_t count) {
    SessionInquiry inquiry;
    for (std::uint64_t i = 0; i < count; ++i) inquiry.add({{first + i, 0}, 0, {}, {}});
    return inquiry;
  }
  [[nodiscard]] std::unique_ptr<PendingInquiry> ask(const SessionInquiry& inquiry) {
    return inquiries.ask(inquiry, [this] { ++calls; });
  }

  test::ScriptedMembers members;
  Inquiries inquiries{members};
  int calls = 0;
};

TEST_F(InquiriesTest, AreAnsweredWhenTheLastAnswerIsThere) {
  const auto pending = ask(about(1, 3));
  EXPECT_FALSE(pending->inquiry().is_open());
  members.answer(2, Answer::known);
  members.answer(0, Answer::ended);
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(pending->is_answered());
  members.answer(1, Answer::uncertain);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(pending->is_answered());
  EXPECT_EQ(pending->inquiry().answer_to({1, 0}), Answer::ended);
  EXPECT_EQ(pending->inquiry().answer_to({2, 0}), Answer::uncertain);
  EXPECT_EQ(pending->inquiry().answer_to({3, 0}), Answer::known);
  EXPECT_EQ(pending->inquiry().answer_to({4, 0}), std::nullopt) << "it was not asked for";
}

TEST_F(InquiriesTest, CallNobodyWhoNoLongerWaits) {
  auto one = ask(about(1, 1));
  const auto other = ask(about(2, 1));
  one.reset();
  other->stop_waiting();
  members.answer(0, Answer::known);
  members.answer(1, Answer::known);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(other->inquiry().answer_to({2, 0}), Answer::known) << "which is of use all the same";
  EXPECT_EQ(inquiries.open_questions(), 0U);
}

TEST_F(InquiriesTest, MayEndFromInsideTheirCallback) {
  std::unique_ptr<PendingInquiry> pending = inquiries.ask(about(1, 1), [this, &pending] {
    pending.reset();
    ++calls;
  });
  members.answer(0, Answer::known);
  EXPECT_EQ(calls, 1);
}

TEST_F(InquiriesTest, AreBoundedAndAllBeyondTheBoundIsUncertainAtOnce) {
  std::vector<std::unique_ptr<PendingInquiry>> all;
  for (std::uint64_t i = 0; i < Inquiries::kMaxOpenQuestions; ++i) all.push_back(ask(about(i, 1)));
  EXPECT_EQ(members.asked.size(), Inquiries::kMaxOpenQuestions);
  const auto refused = ask(about(5000, 1));
  EXPECT_TRUE(refused->is_answered());
  EXPECT_EQ(refused->inquiry().answer_to({5000, 0}), Answer::uncertain);
  EXPECT_EQ(members.asked.size(), Inquiries::kMaxOpenQuestions);
  EXPECT_EQ(calls, 0);

  all.clear();  // those who leave free no place: their questions are still open
  EXPECT_TRUE(ask(about(5001, 1))->is_answered());
  members.answer(0, Answer::known);
  EXPECT_FALSE(ask(about(5002, 1))->is_answered());
}

TEST(SessionInquiryTest, AsksForEachSessionOnceAndForNoMoreThanABrowserHas) {
  SessionInquiry inquiry;
  for (const std::uint64_t key : {1U, 2U, 1U, 3U, 4U, 5U}) inquiry.add({{key, 0}, 0, {}, {}});
  ASSERT_EQ(inquiry.questions().size(), SessionInquiry::kMaxQuestions);
  EXPECT_EQ(inquiry.questions()[3].key, (session::SessionKey{4, 0}));
  inquiry.narrow({3, 0});
  ASSERT_EQ(inquiry.questions().size(), 1U);
  EXPECT_EQ(inquiry.questions()[0].key, (session::SessionKey{3, 0}));
  inquiry.narrow({9, 0});
  EXPECT_TRUE(inquiry.questions().empty());
  inquiry.close();
  inquiry.add({{1, 0}, 0, {}, {}});
  EXPECT_TRUE(inquiry.questions().empty());
}

}  // namespace
}  // namespace bonedry::proxy
