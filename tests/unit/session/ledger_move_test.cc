#include "session/mapped_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace bonedry::session {
namespace {

using test::key_of;
using test::minutes;
using test::seconds;

using LedgerMoveTest = test::LedgerTest;

TEST_F(LedgerMoveTest, AMovedSessionIsCountedOnItsNewNode) {
  add_live(1, alice);
  const auto session = open(1);
  ASSERT_TRUE(session);
  EXPECT_EQ(ledger.move(session->ref, alice, bob).node, bob);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  close(*session);
  EXPECT_EQ(open(1)->node, bob);
}

TEST_F(LedgerMoveTest, APendingSessionMovesAsPending) {
  const OpenedSession session = begin(1, alice);
  EXPECT_EQ(ledger.move(session.ref, alice, bob).node, bob);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "0 live, 1 pending");
  close(session);
}

TEST_F(LedgerMoveTest, OfTwoThatMoveItTheSecondLearnsTheFirstsNode) {
  const NodeSlot carol = ledger.slot_of("shop/carol");
  ledger.set_times(carol, {kIdle, kPending, kLifetime});
  add_live(1, alice);
  const auto one = open(1);
  const auto two = open(1);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(ledger.move(one->ref, one->node, bob).node, bob);
  EXPECT_EQ(ledger.move(two->ref, two->node, carol).node, bob);
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_EQ(on(carol), "0 live, 0 pending");
  close(*one);
  close(*two);
}

TEST_F(LedgerMoveTest, TheTimesOfTheNewNodeCount) {
  ledger.set_times(bob, {minutes{1}, minutes{1}, kLifetime});
  add_live(1, alice);
  const auto session = open(1);
  ASSERT_TRUE(session);
  ASSERT_EQ(ledger.move(session->ref, alice, bob).node, bob);
  close(*session);
  pass(minutes{1} + kSlack);
  EXPECT_EQ(on(bob), "0 live, 0 pending");
}

TEST_F(LedgerMoveTest, DisplacedSessionsLeaveTheCountsAtOnce) {
  for (std::uint64_t i = 0; i < 10; ++i) visit_first(i, alice);
  for (std::uint64_t i = 10; i < 15; ++i) add_live(i, alice);
  add_live(100, bob);
  EXPECT_EQ(ledger.displace(alice), 15U);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_TRUE(list(alice, 100).empty());
}

TEST_F(LedgerMoveTest, DisplacingNobodyIsFine) {
  EXPECT_EQ(ledger.displace(alice), 0U);
  add_live(1, alice);
  EXPECT_EQ(ledger.displace(alice), 1U);
  EXPECT_EQ(ledger.displace(alice), 0U);
}

TEST_F(LedgerMoveTest, ADisplacedSessionComesBackAsOneAndIsCountedWhereItIsPut) {
  visit_first(1, alice);
  ledger.displace(alice);
  const auto session = open(1);
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->displaced);
  EXPECT_EQ(session->node, alice) << "where it was";
  EXPECT_EQ(on(alice), "0 live, 0 pending") << "turning live does not count it again";
  EXPECT_EQ(ledger.move(session->ref, alice, bob).node, bob);
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  close(*session);
  const auto again = open(1);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->displaced);
  EXPECT_EQ(again->node, bob);
  close(*again);
}

TEST_F(LedgerMoveTest, AnActivatedNodeTakesItsDisplacedSessionsBack) {
  add_live(1, alice);
  ledger.displace(alice);
  const auto session = open(1);
  ASSERT_TRUE(session);
  EXPECT_EQ(ledger.move(session->ref, alice, alice).node, alice);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(*session);
  EXPECT_FALSE(open(1)->displaced);
}

TEST_F(LedgerMoveTest, OfTwoThatMoveADisplacedOneTheSecondLearnsTheFirstsNode) {
  const NodeSlot carol = ledger.slot_of("shop/carol");
  add_live(1, alice);
  const auto one = open(1);
  const auto two = open(1);
  ASSERT_TRUE(one && two);
  ledger.displace(alice);
  EXPECT_EQ(ledger.move(one->ref, alice, bob).node, bob);
  EXPECT_EQ(ledger.move(two->ref, alice, carol).node, bob);
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_EQ(on(carol), "0 live, 0 pending");
  close(*one);
  close(*two);
}

TEST_F(LedgerMoveTest, ASessionHeldWhileItIsDisplacedEndsLikeAnyOther) {
  add_live(1, alice);
  const auto session = open(1);
  ASSERT_TRUE(session);
  ledger.displace(alice);
  close(*session);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  pass(kIdle + kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(sessions(), 0U) << "and its place is free again";
}

TEST_F(LedgerMoveTest, SessionsBegunAfterADisplacementAreNotDisplaced) {
  add_live(1, alice);
  ledger.displace(alice);
  add_live(2, alice);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_TRUE(open(1)->displaced);
  EXPECT_FALSE(open(2)->displaced);
}

TEST_F(LedgerMoveTest, DisplacedTwiceItIsStillDisplaced) {
  add_live(1, alice);
  ledger.displace(alice);
  ledger.displace(alice);
  EXPECT_TRUE(open(1)->displaced);
}

TEST_F(LedgerMoveTest, WhoIsDisplacedAndComesTooLateIsGone) {
  add_live(1, alice);
  ledger.displace(alice);
  now = now + kIdle;
  EXPECT_FALSE(open(1));
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerMoveTest, DisplacingDoesNotDependOnHowManyThereAre) {
  // Not a benchmark, but a walk over all records would take seconds.
  MappedLedger large(200'000, now);
  const NodeSlot slot = large.slot_of("shop/alice");
  large.set_times(slot, {kIdle, kPending, kLifetime});
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    large.close(large.begin(key_of(i), 1, slot, SessionState::live, now, now).ref, now);
  }
  EXPECT_EQ(large.displace(slot), 100'000U);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(large.displace(slot), 0U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds{5});
}

TEST_F(LedgerMoveTest, TheListHasTheLongestIdleFirst) {
  add_live(1, alice);
  pass(seconds{10});
  visit_first(2, alice);
  add_live(3, bob);
  pass(seconds{10});
  add_live(4, alice);
  pass(seconds{10});
  ASSERT_TRUE(click(1));

  const auto listed = list(alice, 10);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].key, key_of(2));
  EXPECT_EQ(listed[1].key, key_of(4));
  EXPECT_EQ(listed[2].key, key_of(1));
}

TEST_F(LedgerMoveTest, TheListTellsAllAboutASession) {
  const Instant begun = now;
  visit_first(1, alice);
  pass(seconds{7});
  ASSERT_TRUE(click(1));
  pass(seconds{3});
  const auto held = open(1);
  ASSERT_TRUE(held);
  visit_first(2, alice);

  const auto listed = list(alice, 10);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].state, SessionState::live);
  EXPECT_EQ(listed[0].created, begun);
  EXPECT_EQ(listed[0].last, now);
  EXPECT_EQ(listed[0].exchanges, 3U);
  EXPECT_EQ(listed[0].exchanges_open, 1U);
  EXPECT_EQ(listed[1].state, SessionState::pending);
  EXPECT_EQ(listed[1].exchanges, 1U);
  EXPECT_EQ(listed[1].exchanges_open, 0U);
  close(*held);
}

TEST_F(LedgerMoveTest, ALongListIsCutBehindTheLongestIdle) {
  for (std::uint64_t i = 0; i < 50; ++i) {
    add_live(i, alice);
    pass(seconds{1});
  }
  const auto listed = list(alice, 5);
  ASSERT_EQ(listed.size(), 5U);
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(listed[i].key, key_of(i));
  EXPECT_TRUE(list(alice, 0).empty());
}

TEST_F(LedgerMoveTest, ASlotIsTheNodesForGood) {
  EXPECT_EQ(ledger.slot_of("shop/alice"), alice);
  EXPECT_NE(alice, bob);
  const NodeSlot other = ledger.slot_of("blog/alice");
  EXPECT_NE(other, alice);
  EXPECT_EQ(ledger.slot_of("blog/alice"), other);
  EXPECT_EQ(&ledger.counts(alice), &ledger.counts(alice));
}

TEST_F(LedgerMoveTest, NodesHaveABoundThatIsFarAway) {
  const auto fill = [this](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      (void)ledger.slot_of("many/" + std::to_string(i));
    }
  };
  EXPECT_NO_THROW(fill(4000));
  EXPECT_THROW(fill(1'000'000), std::length_error);
  EXPECT_EQ(ledger.slot_of("shop/alice"), alice) << "those that are there stay";
}

}  // namespace
}  // namespace bonedry::session
