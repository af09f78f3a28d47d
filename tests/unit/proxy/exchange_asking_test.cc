// A session that this member of a cluster does not know: what it asks the others, and what it makes
// of their answers.
#include "tests/unit/proxy/exchange_wait_rig.h"

#include <gmock/gmock.h>

#include <utility>

namespace bonedry::proxy::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ExchangeAskingTest : public ExchangeWaitTest {};

TEST_F(ExchangeAskingTest, AUserWhomOthersKnowGoesWhereTheyHaveThem) {
  ask_with(cookie_on(kAlice));
  EXPECT_THAT(log, IsEmpty());
  ASSERT_EQ(members.asked.size(), 1U);
  EXPECT_EQ(members.asked[0].key, kUser);
  EXPECT_EQ(members.asked[0].named, pool_.nodes[kAlice].slot);
  adopt(kBob);
  set_door(kBob, NodeState::bleeding, Door::sessions_only);
  members.answer(0, Answer::known);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  answer_all(kBob);
  EXPECT_NE(client.set_cookie, "") << "the old one names alice";
  EXPECT_EQ(live_on(kBob), 1);
  EXPECT_EQ(sessions_on(kAlice), 0);
  expect_nothing_held();
}

TEST_F(ExchangeAskingTest, ASessionThatHasEndedForAllBeginsAgain) {
  only(kBob);
  ask_with(cookie_on(kAlice));
  members.answer(0, Answer::ended);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  answer_all(kBob);
  EXPECT_NE(client.set_cookie, "");
  EXPECT_EQ(sessions_on(kAlice), 0);
  EXPECT_EQ(sessions_on(kBob), 1);
  EXPECT_EQ(node(kAlice).counters.late, 1U);
  expect_nothing_held();
}

TEST_F(ExchangeAskingTest, ASessionOfWhichNobodyIsSureIsTakenBackOnItsOwnNode) {
  only(kBob);
  ask_with(cookie_on(kAlice));
  members.answer(0, Answer::uncertain);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
  EXPECT_EQ(live_on(kAlice), 1);
  answer_all(kAlice);
  EXPECT_EQ(client.set_cookie, "");
  EXPECT_EQ(node(kAlice).counters.late, 0U);
  expect_nothing_held();
}

TEST_F(ExchangeAskingTest, NoAnswerInATenthOfASecondIsNone) {
  only(kBob);
  ask_with(cookie_on(kAlice));
  pass(50ms);
  EXPECT_THAT(log, IsEmpty());
  pass(100ms);  // a tick late at most
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
  EXPECT_EQ(live_on(kAlice), 1);
  members.answer(0, Answer::ended);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x")) << "it comes too late";
  answer_all(kAlice);
  EXPECT_EQ(log.back(), "over complete");
  EXPECT_EQ(live_on(kAlice), 1) << "the members hear of it by its record";
}

TEST_F(ExchangeAskingTest, EachSessionIsAskedForOnce) {
  for (const Answer answer : {Answer::known, Answer::ended, Answer::uncertain}) {
    const SessionKey key{77, static_cast<std::uint64_t>(answer)};
    const std::string cookie = cookie_on(kAlice, key);
    members = {};
    ask_with(cookie);
    if (answer == Answer::known) adopt(kAlice, key);
    members.answer(0, answer);
    answer_all(kAlice);
    for (int i = 0; i < 3; ++i) {
      ask_with(cookie);
      answer_all(kAlice);
    }
    EXPECT_EQ(members.asked.size(), 1U) << static_cast<int>(answer);
  }
}

TEST_F(ExchangeAskingTest, ACookieOfAnotherNodeThanTheLedgerHasIsAskedFor) {
  adopt(kBob);
  ask_with(cookie_on(kAlice));
  ASSERT_EQ(members.asked.size(), 1U) << "another member may have moved the user since";
  members.answer(0, Answer::known);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  answer_all(kBob);
  EXPECT_NE(client.set_cookie, "");
  ask_again(kPage);
  EXPECT_TRUE(said("to bob: head GET /x"));
  EXPECT_EQ(members.asked.size(), 1U);
  answer_all(kBob);
  expect_nothing_held();
}

TEST_F(ExchangeAskingTest, WhoHasNoCookieOrAForgedOneIsNotAskedFor) {
  ask(kPage);
  answer_all(kAlice);
  std::string forged = cookie_on(kAlice);
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  ask_with(forged);
  EXPECT_EQ(log.size(), 1U) << "it went to a node";
  EXPECT_THAT(members.asked, IsEmpty());
}

TEST_F(ExchangeAskingTest, AnOldCookieBesideThatOfASessionIsNotAskedFor) {
  adopt(kBob);
  const std::string both = cookie_on(kAlice, {1, 1}) + "; " + cookie_on(kBob);
  const std::string same = cookie_on(kBob) + "; " + cookie_on(kAlice, {1, 1});
  for (const std::string& cookies : {both, same}) {
    ask_with(cookies);
    EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
    answer_all(kBob);
  }
  EXPECT_THAT(members.asked, IsEmpty()) << "it would be with each request";
}

TEST_F(ExchangeAskingTest, OfSeveralUnknownCookiesTheOneThatGoesOnCounts) {
  ask_with(cookie_on(kAlice, {1, 1}) + "; " + cookie_on(kAlice));
  ASSERT_EQ(members.asked.size(), 2U);
  members.answer(0, Answer::ended);
  EXPECT_THAT(log, IsEmpty());
  adopt(kBob);
  members.answer(1, Answer::known);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  answer_all(kBob);
  expect_nothing_held();
}

TEST_F(ExchangeAskingTest, AClientThatLeavesWhileItsSessionIsAskedForFreesEverything) {
  ask_with(cookie_on(kAlice));
  exchange.on_downstream_lost();
  EXPECT_THAT(log, ElementsAre("over aborted"));
  EXPECT_EQ(ended(EndReason::client_gone), 1U);
  // The next client gets none of the answer.
  ask_with(cookie_on(kBob, {3, 3}));
  members.answer(0, Answer::known);
  EXPECT_THAT(log, IsEmpty());
  members.answer(1, Answer::uncertain);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  answer_all(kBob);
  EXPECT_EQ(inquiries.open_questions(), 0U);
  expect_nothing_held();
}

TEST_F(ExchangeAskingTest, ALostClientIsNotWaitedForAfterTheAnswerTime) {
  ask_with(cookie_on(kAlice));
  exchange.on_downstream_lost();
  pass(1s);
  members.answer(0, Answer::uncertain);
  EXPECT_THAT(log, ElementsAre("over aborted"));
  EXPECT_EQ(ledger().totals().sessions, 0U);
}

TEST_F(ExchangeAskingTest, TheBodyWaitsAndFollows) {
  client.unread = {"he", "llo"};
  ask_with(cookie_on(kBob), kPost);
  EXPECT_EQ(client.unread.size(), 2U);
  EXPECT_TRUE(client.paused());
  exchange.on_downstream_drained();  // of an earlier response
  exchange.on_request_read_end();
  EXPECT_THAT(log, IsEmpty());
  adopt(kBob);
  members.answer(0, Answer::known);
  EXPECT_THAT(log, ElementsAre("to bob: head POST /x", "to bob: body he", "to bob: body llo",
                               "to bob: end"));
  answer_all(kBob);
  EXPECT_EQ(log.back(), "over complete");
  expect_nothing_held();
}

TEST_F(ExchangeAskingTest, AnEarlierResponseThatDrainsDoesNotEndTheWait) {
  only(kBob);
  ask_with(cookie_on(kAlice));
  exchange.on_downstream_drained();
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
}

TEST_F(ExchangeAskingTest, WhatHappensToTheNodesMeanwhileCounts) {
  ask_with(cookie_on(kAlice));
  set_door(kAlice, NodeState::maintenance, Door::shut);
  members.answer(0, Answer::uncertain);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x")) << "nothing is restored behind a shut door";
  answer_all(kBob);
  EXPECT_EQ(sessions_on(kAlice), 0);

  ask_with(cookie_on(kBob, {5, 5}));
  pool_.nodes.erase(pool_.nodes.begin() + kBob);
  pool_.nodes[kAlice].state = NodeState::active;
  pool_.nodes[kAlice].door = Door::open;
  republish();
  members.answer(1, Answer::uncertain);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
}

TEST_F(ExchangeAskingTest, AUserOfAnotherMemberIsNotExempt) {
  conf::Exemption exemption;
  exemption.path = conf::TextPattern{"/healthz", conf::TextPattern::Match::whole};
  pool_.config.session.exempt = {exemption};
  only(kBob);
  const std::string check = "GET /healthz HTTP/1.1\r\n";
  ask_with(cookie_on(kAlice), check);
  adopt(kAlice);
  members.answer(0, Answer::known);
  EXPECT_TRUE(said("to alice: head GET /healthz"));
  answer_all(kAlice);
  EXPECT_EQ(pool_.counters->exempt_requests, 0U);

  ask_with(cookie_on(kAlice, {6, 6}), check);
  members.answer(1, Answer::ended);
  EXPECT_TRUE(said("to bob: head GET /healthz"));
  answer_all(kBob);
  EXPECT_EQ(pool_.counters->exempt_requests, 1U);
  EXPECT_EQ(sessions_on(kBob), 0);
}

TEST_F(ExchangeAskingTest, WithTooManyOpenQuestionsNobodyWaits) {
  for (std::uint64_t i = 0; i < Inquiries::kMaxOpenQuestions; ++i) {
    session::SessionInquiry inquiry;
    inquiry.add({{i, 1}, 0, {}, {}});
    (void)inquiries.ask(inquiry, [] {});
  }
  only(kBob);
  ask_with(cookie_on(kAlice));
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
  EXPECT_EQ(live_on(kAlice), 1);
}

TEST_F(ExchangeAskingTest, OneProxyAloneAsksNobodyAndBelievesItsLedger) {
  inquiries_ = nullptr;
  only(kBob);
  ask_with(cookie_on(kAlice));
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  EXPECT_EQ(node(kAlice).counters.late, 1U);
  answer_all(kBob);
  EXPECT_THAT(members.asked, IsEmpty());
}

// -- Sticky mode `learn`

class LearnedExchangeAskingTest : public ExchangeWaitTest {
 protected:
  LearnedExchangeAskingTest() {
    pool_.config.session.sticky = conf::Sticky::learn;
    pool_.config.session.cookie = "SID";
    only(kBob);
  }
};

TEST_F(LearnedExchangeAskingTest, AUserWhomOthersKnowGoesWhereTheyHaveThem) {
  ask_with("SID=a");
  EXPECT_THAT(log, IsEmpty());
  ASSERT_EQ(members.asked.size(), 1U);
  adopt(kAlice, members.asked[0].key);
  members.answer(0, Answer::known);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
  answer_all(kAlice);
  ask_with("SID=a");
  EXPECT_EQ(members.asked.size(), 1U);
  answer_all(kAlice);
  expect_nothing_held();
}

TEST_F(LearnedExchangeAskingTest, AValueThatNobodyIsSureOfIsANewUsers) {
  for (const Answer answer : {Answer::uncertain, Answer::ended}) {
    const std::string cookie = "SID=" + std::to_string(static_cast<int>(answer));
    const std::size_t question = members.asked.size();
    ask_with(cookie);
    EXPECT_THAT(log, IsEmpty());
    members.answer(question, answer);
    EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
    answer_all(kBob);
    ask_with(cookie);
    EXPECT_EQ(members.asked.size(), question + 1) << "it is a session here now";
    answer_all(kBob);
  }
  EXPECT_EQ(sessions_on(kBob), 2);
  EXPECT_EQ(node(kBob).counters.late, 0U);
}

TEST_F(LearnedExchangeAskingTest, TheOthersAreToldAtOnceWhereAValueIs) {
  ask_with("SID=a");
  members.answer(0, Answer::ended);
  EXPECT_EQ(members.told, 0);
  answer_all(kBob);
  EXPECT_EQ(members.told, 1);
  ask_with("SID=a");
  answer_all(kBob);
  EXPECT_EQ(members.told, 1) << "they know it";
}

TEST_F(LearnedExchangeAskingTest, NoAnswerMakesANewUserToo) {
  ask_with("SID=a");
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
}

}  // namespace
}  // namespace bonedry::proxy::test
