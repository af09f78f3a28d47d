#include "admin/cluster/session_questions.h"

#include "tests/unit/session_sync/values.h"

#include <gtest/gtest.h>

namespace bonedry::admin::cluster {
namespace {

using session::Answer;
using Added = SessionQuestions::Added;

session::SessionQuestion question(std::uint64_t number) {
  session::SessionQuestion result;
  result.key = key_of(number);
  return result;
}

TEST(SessionQuestionsTest, AllWhoAskForOneSessionHearTheSameAnswer) {
  SessionQuestions questions;
  std::vector<Answer> heard;
  const auto note = [&heard](Answer answer) { heard.push_back(answer); };
  EXPECT_EQ(questions.add(question(1), Instant{1}, note), Added::first);
  EXPECT_EQ(questions.add(question(1), Instant{2}, note), Added::another);
  questions.answer(key_of(1), Answer::known);
  EXPECT_EQ(heard, (std::vector{Answer::known, Answer::known}));
  questions.answer(key_of(1), Answer::ended);
  EXPECT_EQ(heard.size(), 2U);
}

TEST(SessionQuestionsTest, WhoHearsAnAnswerMayAskAgain) {
  SessionQuestions questions;
  Added added = Added::refused;
  questions.add(question(1), Instant{1},
                [&](Answer) { added = questions.add(question(1), Instant{2}, [](Answer) {}); });
  questions.answer(key_of(1), Answer::uncertain);
  EXPECT_EQ(added, Added::first);
  EXPECT_EQ(questions.size(), 1U);
}

TEST(SessionQuestionsTest, TooManyAreRefused) {
  SessionQuestions questions;
  for (std::size_t i = 0; i < SessionQuestions::kMaxAskers; ++i) {
    EXPECT_NE(questions.add(question(1), Instant{1}, [](Answer) {}), Added::refused);
  }
  EXPECT_EQ(questions.add(question(1), Instant{1}, [](Answer) {}), Added::refused);
  for (std::uint64_t i = 2; i <= SessionQuestions::kMaxKeys; ++i) {
    EXPECT_EQ(questions.add(question(i), Instant{1}, [](Answer) {}), Added::first);
  }
  EXPECT_EQ(questions.add(question(0), Instant{1}, [](Answer) {}), Added::refused);
  EXPECT_EQ(questions.size(), SessionQuestions::kMaxKeys);
}

}  // namespace
}  // namespace bonedry::admin::cluster
