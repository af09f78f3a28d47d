// What SessionSync tells the index, hears from it, and counts.
#include "tests/unit/session_sync/session_sync_rig.h"

namespace bonedry::admin::cluster {
namespace {

// -- Telling the index ----------------------------------------------------------------------------

TEST_F(SessionSyncTest, TellsWhatHappensWithinATick) {
  connect();
  sessions.due = {at(Kind::present, 1), at(Kind::left, 2, kSlot2)};
  tick();
  ASSERT_THAT(index.told, SizeIs(2));
  EXPECT_EQ(index.told[0].kind, IndexOperation::Kind::present);
  EXPECT_EQ(index.told[0].key, key_of(1));
  EXPECT_EQ(index.told[0].tag, kShop1);
  EXPECT_EQ(index.told[0].age, minutes{15} + SessionSync::kTick);
  EXPECT_EQ(index.told[0].left, minutes{30} - SessionSync::kTick);
  EXPECT_EQ(index.told[1].kind, IndexOperation::Kind::left);
  EXPECT_EQ(index.told[1].age, SessionSync::kTick);
  EXPECT_GE(index.told[1].left, minutes{30}) << "for as long as another may have it";
}

TEST_F(SessionSyncTest, ANewStoreIsToldAllSessionsAndThenThatThoseAreAll) {
  sessions.all = {{at(Kind::present, 1)}, {}, {at(Kind::present, 2), at(Kind::aliased, 3)}};
  sync->on_connected("run1");
  EXPECT_EQ(sync->complete_run(), "");
  index.answer_all();
  tick();
  EXPECT_EQ(times_told(1), 1U);
  ticks(3);
  EXPECT_EQ(times_told(2), 1U);
  EXPECT_EQ(times_told(3), 1U);
  EXPECT_THAT(index.completed, ElementsAre("inc run1"));
  EXPECT_EQ(sync->complete_run(), "run1");
}

TEST_F(SessionSyncTest, DoesNotSayThatThoseAreAllBeforeEachWasAnswered) {
  sessions.all = {{at(Kind::present, 1)}};
  sync->on_connected("run1");
  index.answer_next();
  turn();
  index.error = "ERR";
  index.answer_all();
  index.error.clear();
  EXPECT_EQ(times_told(1), 0U);
  EXPECT_THAT(index.completed, IsEmpty());
  ticks(2);
  EXPECT_EQ(times_told(1), 1U);
  EXPECT_THAT(index.completed, SizeIs(1));
}

TEST_F(SessionSyncTest, DoesNotSayThatThoseAreAllWhileSomeWait) {
  constexpr std::size_t kMany = 4 * SessionSender::kMaxInFlight * SessionSender::kMaxBatch;
  for (std::uint64_t i = 1; i <= kMany; ++i) sessions.all[0].push_back(at(Kind::present, i));
  sync->on_connected("run1");
  for (int i = 0; i < 1000 && index.completed.empty() && index.waiting() > 0; ++i) {
    index.answer_next();
    turn();
  }
  EXPECT_THAT(index.completed, SizeIs(1));
  EXPECT_THAT(index.told, SizeIs(kMany));
}

TEST_F(SessionSyncTest, AStoreThatRemembersIsNotToldAgain) {
  sessions.all = {{at(Kind::present, 1)}};
  connect();
  sync->on_lost();
  index.lose_all();
  index.joined.complete = true;
  connect();
  EXPECT_THAT(index.joins, ElementsAre("inc run1", "inc run1"));
  EXPECT_EQ(times_told(1), 1U);
  EXPECT_EQ(sync->complete_run(), "run1");
}

TEST_F(SessionSyncTest, AnotherRunOfTheStoreIsToldAllAgain) {
  sessions.all = {{at(Kind::present, 1)}};
  connect();
  sync->on_lost();
  index.lose_all();
  EXPECT_EQ(sync->complete_run(), "");
  connect("run2");
  EXPECT_EQ(times_told(1), 2U);
  EXPECT_EQ(sync->complete_run(), "run2");
}

TEST_F(SessionSyncTest, EndingsThatTheStoreMayHaveLostAreToldAgain) {
  connect();
  sessions.due = {at(Kind::left, 1)};
  tick();
  sync->on_lost();
  index.lose_all();
  pass(seconds{30});
  connect("run2");
  EXPECT_EQ(times_told(1), 2U);
  sync->on_lost();
  index.lose_all();
  pass(seconds{60});
  connect("run3");
  EXPECT_EQ(times_told(1), 2U) << "after a minute nobody needs it";
}

TEST_F(SessionSyncTest, WhatWasOnItsWayWhenTheStoreWasLostIsToldAgain) {
  connect();
  sessions.due = {at(Kind::present, 1), at(Kind::left, 2)};
  turn();
  index.lose_all();
  sync->on_lost();
  sessions.due = {at(Kind::present, 3)};
  pass(seconds{5});
  EXPECT_THAT(index.told, IsEmpty());
  index.joined.complete = true;
  connect();
  EXPECT_EQ(times_told(1), 1U);
  EXPECT_EQ(times_told(2), 1U);
  EXPECT_EQ(times_told(3), 1U);
}

TEST_F(SessionSyncTest, AnErrorOfTheIndexLosesNothing) {
  connect();
  sessions.due = {at(Kind::left, 1)};
  index.error = "OOM command not allowed";
  ticks(3);
  EXPECT_GE(sync->statistics().failed_batches, 2U);
  EXPECT_EQ(sync->statistics().last_error, "OOM command not allowed");
  index.error.clear();
  tick();
  EXPECT_EQ(times_told(1), 1U);
}

TEST_F(SessionSyncTest, FewBatchesAreOnTheWayAndLittleWaits) {
  connect();
  index.batches.clear();
  change_many(1, 20'000);
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_THAT(index.batches, SizeIs(SessionSender::kMaxInFlight));
  EXPECT_LE(*std::ranges::max_element(index.batches), SessionSender::kMaxBatch);
  const std::size_t taken = 20'000 - sessions.due.size();
  EXPECT_LE(taken, SessionSender::kMaxInFlight * SessionSender::kMaxBatch +
                       SessionSender::kMaxWaiting + SessionSender::kMaxBatch);
  ticks(20);
  EXPECT_THAT(index.told, SizeIs(20'000));
}

TEST_F(SessionSyncTest, WithoutAStoreTheChangesStayInTheLedger) {
  change_many(1, 20'000);
  pass(seconds{10});
  EXPECT_GE(sessions.due.size(), 20'000 - SessionSender::kMaxWaiting - SessionSender::kMaxBatch);
  EXPECT_THAT(index.batches, IsEmpty());
}

TEST_F(SessionSyncTest, WhenTheLedgerHasLostChangesAllIsToldAgain) {
  sessions.all = {{at(Kind::present, 1)}};
  connect();
  sessions.overflow = true;
  ticks(3);
  EXPECT_EQ(times_told(1), 2U);
  EXPECT_EQ(sync->complete_run(), "run1") << "its word holds: what is missing has not changed";
}

TEST_F(SessionSyncTest, AnIndexThatWasEmptiedIsToldAllAgain) {
  sessions.all = {{at(Kind::present, 1)}};
  connect();
  EXPECT_TRUE(sync->whole());
  index.counts.complete.clear();
  pass(SessionSync::kCountEvery);
  EXPECT_FALSE(sync->whole());
  pass(SessionSync::kCountEvery);
  EXPECT_GE(times_told(1), 2U);
}

TEST_F(SessionSyncTest, AStoreWhoseClockWasSetIsToldAllAgain) {
  sessions.all = {{at(Kind::present, 1)}};
  connect();
  pass(seconds{10});
  EXPECT_EQ(times_told(1), 1U);
  index.clock_jump = hours{1};
  tick();
  EXPECT_FALSE(sync->whole()) << "it takes sessions for ended";
  ticks(5);
  EXPECT_EQ(times_told(1), 2U);
  index.clock_jump = Millis{0};
  ticks(5);
  EXPECT_EQ(times_told(1), 3U);
}

TEST_F(SessionSyncTest, ANodeThatIsNotKnownIsCountedAndNotTold) {
  connect();
  sessions.due = {at(Kind::present, 1, 99), at(Kind::present, 2)};
  tick();
  EXPECT_THAT(index.told, SizeIs(1));
  EXPECT_EQ(sync->statistics().unknown_nodes, 1U);
}

// -- What the index knows better ------------------------------------------------------------------

TEST_F(SessionSyncTest, TakesOverWhatTheIndexKnowsBetter) {
  connect();
  sessions.due = {at(Kind::present, 1), at(Kind::present, 2), at(Kind::present, 3)};
  index.corrections = {{Correction::Kind::ended, key_of(1), {}, {}, seconds{5}},
                       {Correction::Kind::is_at, key_of(2), {}, kShop2, minutes{1}},
                       {Correction::Kind::renewed, key_of(3), key_of(4), {}, Millis{0}}};
  tick();
  ASSERT_THAT(sessions.ended, SizeIs(1));
  EXPECT_EQ(sessions.ended[0].first, key_of(1));
  EXPECT_EQ(sessions.ended[0].second, clock.now() - seconds{5});
  ASSERT_THAT(sessions.moved, SizeIs(1));
  EXPECT_EQ(sessions.moved[0].key, key_of(2));
  EXPECT_EQ(sessions.moved[0].to, kSlot2);
  EXPECT_EQ(sessions.moved[0].placed, clock.now() - minutes{1});
  ASSERT_THAT(sessions.renewed, SizeIs(1));
  EXPECT_EQ(sessions.renewed[0], std::pair(key_of(3), key_of(4)));
}

TEST_F(SessionSyncTest, WhereTheIndexSaysTheLedgerPutsASessionWhateverTheClocksSay) {
  connect();
  SessionChange late = at(Kind::present, 1);
  late.placed = clock.now();
  sessions.due = {late};
  index.corrections = {{Correction::Kind::is_at, key_of(1), {}, kShop2, minutes{1}}};
  tick();
  ASSERT_THAT(sessions.moved, SizeIs(1));
  EXPECT_GT(sessions.moved[0].placed, late.placed);
}

// -- What others do -------------------------------------------------------------------------------

TEST_F(SessionSyncTest, HearsWhatOthersDo) {
  connect();
  index.changes.last = 4;
  index.changes.changes = {{IndexChange::Kind::moved, key_of(1), {}, kShop2, seconds{2}},
                           {IndexChange::Kind::left, key_of(2), {}, {}, seconds{3}},
                           {IndexChange::Kind::renewed, key_of(3), key_of(4), {}, Millis{0}},
                           {IndexChange::Kind::aliased, key_of(5), key_of(6), {}, Millis{0}}};
  tick();
  ASSERT_THAT(sessions.moved, SizeIs(1));
  EXPECT_EQ(sessions.moved[0].to, kSlot2);
  EXPECT_EQ(sessions.moved[0].placed, clock.now() - seconds{2});
  ASSERT_THAT(sessions.ended, SizeIs(1));
  EXPECT_EQ(sessions.ended[0].second, clock.now() - seconds{3});
  EXPECT_THAT(sessions.renewed, ElementsAre(std::pair(key_of(3), key_of(4))));
  EXPECT_THAT(sessions.aliased, ElementsAre(std::pair(key_of(5), key_of(6))));
  EXPECT_EQ(sync->lag(), Millis{0});
}

TEST_F(SessionSyncTest, AfterAGapAllIsToldAgain) {
  sessions.all = {{at(Kind::present, 1)}};
  connect();
  index.changes.last = 9;
  index.changes.gap = true;
  tick();
  EXPECT_FALSE(sync->whole());
  EXPECT_EQ(sync->complete_run(), "");
  ticks(3);
  EXPECT_EQ(times_told(1), 2U);
  EXPECT_EQ(sync->statistics().gaps, 1U);
  EXPECT_EQ(sync->complete_run(), "run1");
}

// -- Counts ---------------------------------------------------------------------------------------

TEST_F(SessionSyncTest, CountsEachSecond) {
  connect();
  index.counts.nodes = {{3, 1}, {5, 0}};
  pass(SessionSync::kCountEvery);
  ASSERT_TRUE(sync->count(kSlot1));
  EXPECT_EQ(sync->count(kSlot1)->live, 3U);
  EXPECT_EQ(sync->count(kSlot1)->pending, 1U);
  EXPECT_EQ(sync->count(kSlot2)->live, 5U);
  EXPECT_FALSE(sync->count(99));
  EXPECT_GT(index.cleaned, 0U);
}

TEST_F(SessionSyncTest, CountsANodeOutOfRotationAsSoonAsItsSessionsChange) {
  nodes[1].rotation = SyncNode::Rotation::out;
  connect();
  index.counted.clear();
  sessions.due = {at(Kind::expired, 1, kSlot2)};
  ticks(2);
  EXPECT_THAT(index.counted, ElementsAre(std::vector{kShop2}));
}

TEST_F(SessionSyncTest, ANodeThatLeavesTheConfigIsNoLongerCounted) {
  connect();
  index.counts.nodes = {{3, 1}, {5, 0}};
  pass(SessionSync::kCountEvery);
  nodes.pop_back();
  sync->on_nodes_changed();
  EXPECT_FALSE(sync->count(kSlot2));
  EXPECT_TRUE(sync->count(kSlot1));
}

TEST_F(SessionSyncTest, TheIndexIsWholeWhenAllMembersHaveSentAllToThisRunOfTheStore) {
  connect();
  EXPECT_TRUE(sync->whole());
  index.counts.complete[1].token = "other run0";
  pass(SessionSync::kCountEvery);
  EXPECT_FALSE(sync->whole()) << "it came up with old data";
  hear_all("run1");
  members.push_back("p3");
  pass(SessionSync::kCountEvery);
  EXPECT_FALSE(sync->whole());
  members.pop_back();
  index.counts.complete[1].heard = SessionSync::kHeard + Millis{1};
  pass(SessionSync::kCountEvery);
  EXPECT_FALSE(sync->whole()) << "it may have sessions that it could not tell";
}

TEST_F(SessionSyncTest, AnIndexThatIsNotReadIsNotWhole) {
  connect();
  for (Millis passed{0}; passed <= SessionSync::kHeard; passed += SessionSync::kTick) turn();
  EXPECT_FALSE(sync->whole());
  tick();
  pass(SessionSync::kCountEvery);
  EXPECT_TRUE(sync->whole());
  sync->on_lost();
  EXPECT_FALSE(sync->whole());
}

TEST_F(SessionSyncTest, AMemberThatHasMoreToTellSaysSo) {
  connect();
  EXPECT_EQ(index.backlogs.back(), SessionIndex::Backlog::none);
  index.backlogs.clear();
  change_many(1, 50'000);
  for (Millis passed{0}; passed <= seconds{2}; passed += SessionSync::kTick) turn();
  ASSERT_THAT(index.backlogs, testing::Not(IsEmpty()));
  EXPECT_EQ(index.backlogs.back(), SessionIndex::Backlog::some);
}

// -- Displacements --------------------------------------------------------------------------------

TEST_F(SessionSyncTest, ADisplacementIsToldOnce) {
  connect();
  sync->displaced(kSlot1, "bleed 1");
  sync->displaced(kSlot1, "bleed 1");
  ticks(3);
  EXPECT_THAT(index.occasions, ElementsAre("bleed 1"));
  sync->displaced(kSlot1, "bleed 2");
  ticks(3);
  EXPECT_THAT(index.occasions, ElementsAre("bleed 1", "bleed 2"));
}

TEST_F(SessionSyncTest, ADisplacementIsToldAgainWhereItMayHaveBeenLost) {
  sync->displaced(kSlot1, "bleed 1");
  connect();
  EXPECT_THAT(index.occasions, ElementsAre("bleed 1"));
  sync->displaced(kSlot2, "bleed 2");
  sync->on_lost();
  index.lose_all();
  connect("run2");
  EXPECT_THAT(index.occasions, ElementsAre("bleed 1", "bleed 1", "bleed 2"));
  pass(minutes{2});
  sync->on_lost();
  index.lose_all();
  connect("run3");
  EXPECT_THAT(index.occasions, SizeIs(3)) << "who is on the node now came later";
}

TEST_F(SessionSyncTest, ADisplacementThatWasOnItsWayWhenTheStoreWasLostIsToldAgain) {
  connect();
  sync->displaced(kSlot1, "bleed 1");
  sync->on_lost();
  index.lose_all();
  index.joined.complete = true;
  connect();
  EXPECT_THAT(index.occasions, ElementsAre("bleed 1"));
}

TEST_F(SessionSyncTest, AnswersThatComeAfterItsEndHaveNoEffect) {
  connect();
  sessions.due = {at(Kind::present, 1)};
  turn();
  ask(1);
  ASSERT_GT(index.waiting(), 0U);
  sync.reset();
  index.corrections = {{Correction::Kind::ended, key_of(1), {}, {}, seconds{5}}};
  index.answer_all();
  EXPECT_THAT(sessions.ended, IsEmpty());
}

}  // namespace
}  // namespace bonedry::admin::cluster
