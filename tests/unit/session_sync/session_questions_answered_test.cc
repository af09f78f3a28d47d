// What SessionSync answers to workers that ask for a session.
#include "tests/unit/session_sync/session_sync_rig.h"

namespace bonedry::admin::cluster {
namespace {

TEST_F(SessionSyncTest, TakesASessionOverThatAnotherMemberHas) {
  connect();
  index.sessions[key_of(1)] = SessionIndex::Alive{
      key_of(1), kShop2, session::SessionState::live, minutes{10}, minutes{5}, minutes{20}};
  const auto answer = ask(1);
  EXPECT_FALSE(*answer);
  index.answer_all();
  EXPECT_EQ(*answer, Answer::known);
  ASSERT_THAT(sessions.adopted, SizeIs(1));
  EXPECT_EQ(sessions.adopted[0].key, key_of(1));
  EXPECT_EQ(sessions.adopted[0].fingerprint, 77U);
  EXPECT_EQ(sessions.adopted[0].node, kSlot2);
  EXPECT_EQ(sessions.adopted[0].created, clock.now() - minutes{10});
  EXPECT_EQ(sessions.adopted[0].placed, clock.now() - minutes{5});
  EXPECT_EQ(sessions.adopted[0].ends, clock.now() + minutes{20});
  EXPECT_EQ(sync->statistics().known, 1U);
  EXPECT_EQ(sync->statistics().taken_over, 1U);
}

TEST_F(SessionSyncTest, ASessionThatIsKnownHereIsNotCountedAsTakenOver) {
  connect();
  index.sessions[key_of(1)] = SessionIndex::Alive{
      key_of(1), kShop2, session::SessionState::live, minutes{10}, minutes{5}, minutes{20}};
  sessions.known[key_of(1)].node = kSlot1;
  const auto answer = ask(1);
  index.answer_all();
  EXPECT_EQ(*answer, Answer::known);
  EXPECT_THAT(sessions.adopted, SizeIs(1));
  EXPECT_EQ(sync->statistics().taken_over, 0U);
}

TEST_F(SessionSyncTest, ASessionThatIsFoundByAnAliasIsTakenOverWithIt) {
  connect();
  index.sessions[key_of(1)] = SessionIndex::Alive{
      key_of(2), kShop1, session::SessionState::live, minutes{10}, minutes{5}, minutes{20}};
  const auto answer = ask(1);
  index.answer_all();
  EXPECT_EQ(*answer, Answer::known);
  ASSERT_THAT(sessions.adopted, SizeIs(1));
  EXPECT_EQ(sessions.adopted[0].key, key_of(2));
  EXPECT_EQ(sessions.adopted[0].fingerprint, 0U) << "it is of another cookie";
  EXPECT_THAT(sessions.aliased, ElementsAre(std::pair(key_of(1), key_of(2))));
}

TEST_F(SessionSyncTest, ASessionThatHasEndedElsewhereEndsHere) {
  connect();
  index.sessions[key_of(1)] = SessionIndex::Ended{seconds{7}};
  const auto answer = ask(1);
  index.answer_all();
  EXPECT_EQ(*answer, Answer::ended);
  ASSERT_THAT(sessions.ended, SizeIs(1));
  EXPECT_EQ(sessions.ended[0].second, clock.now() - seconds{7});
}

TEST_F(SessionSyncTest, AnOldSessionThatAWholeIndexDoesNotKnowIsOver) {
  connect();
  const auto answer = ask(1, SessionSync::kFresh + Millis{1});
  index.answer_all();
  EXPECT_EQ(*answer, Answer::ended);
}

TEST_F(SessionSyncTest, ASessionIsUncertainWhileTheIndexIsNotWhole) {
  connect();
  index.counts.complete.pop_back();
  pass(SessionSync::kCountEvery);
  const auto answer = ask(1);
  index.answer_all();
  EXPECT_EQ(*answer, Answer::uncertain);
}

TEST_F(SessionSyncTest, ASessionIsUncertainIfTheIndexDoesNotKnowThisMember) {
  connect();
  index.knows_us = false;
  const auto answer = ask(1);
  index.answer_all();
  EXPECT_EQ(*answer, Answer::uncertain);
}

TEST_F(SessionSyncTest, AFreshSessionIsLookedUpAgainBeforeItIsUncertain) {
  connect();
  const auto lost = ask(1, seconds{1});
  const auto found = ask(2, seconds{1});
  index.answer_all();
  EXPECT_FALSE(*lost);
  index.sessions[key_of(2)] = SessionIndex::Alive{key_of(2), kShop2,    session::SessionState::live,
                                                  Millis{0}, Millis{0}, minutes{20}};
  tick();
  EXPECT_EQ(*found, Answer::known);
  tick();
  EXPECT_EQ(*lost, Answer::uncertain);
  EXPECT_EQ(sync->statistics().timed_out, 0U) << "the index has answered";
}

TEST_F(SessionSyncTest, AValueWithoutAnAgeThatNobodyKnowsIsOver) {
  connect();
  const auto answer = ask(1, std::nullopt);
  index.answer_all();
  EXPECT_FALSE(*answer) << "its session may just have begun";
  ticks(2);
  EXPECT_EQ(*answer, Answer::ended);
}

TEST_F(SessionSyncTest, AValueIsLookedUpOnceMoreWhenTheMemberOfItsSessionMustHaveToldOfIt) {
  connect();
  const auto answer = ask(1, std::nullopt);
  clock.advance(SessionSync::kTick / 2);
  wheel.advance(clock.now());  // the tick of this member is out of step with that of the other
  index.answer_all();
  EXPECT_FALSE(*answer);
  index.sessions[key_of(1)] = SessionIndex::Alive{key_of(1), kShop2,    session::SessionState::live,
                                                  Millis{0}, Millis{0}, minutes{20}};
  tick();
  EXPECT_EQ(*answer, Answer::known);
}

TEST_F(SessionSyncTest, AValueIsLookedUpAgainAlsoWhileTheIndexIsNotWhole) {
  connect();
  members.emplace_back("p3");
  pass(SessionSync::kCountEvery);
  const auto answer = ask(1, std::nullopt);
  index.answer_all();
  EXPECT_FALSE(*answer) << "it says nothing of its node, so its user would be a new one";
  ticks(2);
  EXPECT_EQ(*answer, Answer::uncertain);
}

TEST_F(SessionSyncTest, WhatIsUrgentIsToldAtOnce) {
  sync->tell();
  connect();
  sessions.due.push_back(at(Kind::present, 1));
  sync->tell();
  index.answer_all();
  EXPECT_EQ(times_told(1), 1U);
}

TEST_F(SessionSyncTest, TheLastLookUpIsNotWaitedForBeyondATick) {
  connect();
  const auto answer = ask(1, std::nullopt);
  tick();
  turn();
  EXPECT_FALSE(*answer);
  turn();
  EXPECT_EQ(*answer, Answer::ended);
}

TEST_F(SessionSyncTest, AStoreThatDoesNotAnswerIsWaitedForNoLongerThanAWorkerWaits) {
  connect();
  const Instant asked = clock.now();
  const auto answer = ask(1);
  while (!*answer && clock.now() < asked + seconds{5}) turn();
  EXPECT_EQ(*answer, Answer::uncertain);
  EXPECT_LE(clock.now() - asked, SessionQuestions::kTimeout);
  EXPECT_EQ(sync->statistics().uncertain, 1U);
  EXPECT_EQ(sync->statistics().timed_out, 1U);
  index.sessions[key_of(1)] = SessionIndex::Alive{key_of(1), kShop2,    session::SessionState::live,
                                                  Millis{0}, Millis{0}, minutes{20}};
  index.answer_all();
  EXPECT_THAT(sessions.adopted, IsEmpty()) << "the user was taken back in by his cookie";
}

TEST_F(SessionSyncTest, AnErrorIsAskedAgainWhileThereIsTime) {
  connect();
  const auto answer = ask(1);
  index.error = "ERR";
  index.answer_all();
  index.error.clear();
  EXPECT_FALSE(*answer);
  tick();
  EXPECT_EQ(*answer, Answer::ended);
}

TEST_F(SessionSyncTest, WithoutAStoreAllIsUncertainAtOnce) {
  EXPECT_EQ(*ask(1), Answer::uncertain);
  connect();
  const auto answer = ask(2);
  sync->on_lost();
  EXPECT_EQ(*answer, Answer::uncertain);
  EXPECT_EQ(*ask(3), Answer::uncertain);
  index.answer_all();
  EXPECT_EQ(sync->statistics().uncertain, 3U);
}

TEST_F(SessionSyncTest, WhoLoggedOutHereIsNotTakenOverAgain) {
  connect();
  sessions.due = {at(Kind::left, 1)};  // the index has not heard of it
  EXPECT_EQ(*ask(1), Answer::ended);
  EXPECT_THAT(index.asked, IsEmpty());
  sync->on_lost();
  EXPECT_EQ(*ask(1), Answer::ended);
}

TEST_F(SessionSyncTest, WhatHappenedHereIsToldBeforeAQuestionIsAsked) {
  connect();
  sessions.due = {at(Kind::present, 2)};
  ask(1);
  index.answer_next();
  EXPECT_EQ(times_told(2), 1U);
}

TEST_F(SessionSyncTest, ManyWhoAskForOneSessionAreOneQuestion) {
  connect();
  const auto first = ask(1);
  const auto second = ask(1);
  index.answer_all();
  EXPECT_THAT(index.asked, SizeIs(1));
  EXPECT_EQ(*first, Answer::ended);
  EXPECT_EQ(*second, Answer::ended);
}

TEST_F(SessionSyncTest, AFloodOfQuestionsIsBounded) {
  connect();
  for (std::uint64_t i = 1; i <= SessionQuestions::kMaxKeys; ++i) ask(i);
  EXPECT_EQ(*ask(0), Answer::uncertain);
  EXPECT_THAT(index.asked, SizeIs(SessionQuestions::kMaxKeys));
}

TEST_F(SessionSyncTest, NobodyIsTakenOverOntoANodeThatIsDryOrHeld) {
  connect();
  index.sessions[key_of(1)] = SessionIndex::Alive{
      key_of(1), kShop1, session::SessionState::live, minutes{20}, minutes{20}, minutes{9}};
  using Entrance = SyncNode::Entrance;
  nodes[0].entrance = Entrance::held;
  sync->on_nodes_changed();
  const auto while_held = ask(1);
  index.answer_all();
  EXPECT_EQ(*while_held, Answer::uncertain) << "he waits at the door";
  nodes[0].entrance = Entrance::shut;
  sync->on_nodes_changed();
  const auto once_dry = ask(1);
  index.answer_all();
  EXPECT_EQ(*once_dry, Answer::ended);
  EXPECT_THAT(sessions.adopted, IsEmpty());
}

}  // namespace
}  // namespace bonedry::admin::cluster
