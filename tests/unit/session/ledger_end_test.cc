// A session that a logout ends while exchanges still hold it.

#include "session/mapped_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace bonedry::session {
namespace {

using test::hours;
using test::key_of;

using LedgerEndTest = test::LedgerTest;

TEST_F(LedgerEndTest, ALiveSessionLeavesItsCountsBeforeItsExchangeCloses) {
  add_live(1, alice);
  add_live(2, alice);
  const auto session = open(1);
  ledger.end(session->ref);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(sessions(), 1U);
  EXPECT_EQ(test::list(ledger, alice, 10).size(), 1U);
  close(*session);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(LedgerEndTest, SoDoesAPendingOne) {
  const OpenedSession session = begin(1, alice);
  ledger.end(session.ref);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  close(session);
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(LedgerEndTest, ItCanBeFoundNoMore) {
  add_live(1, alice);
  const auto session = open(1);
  ledger.end(session->ref);
  EXPECT_EQ(ledger.open(key_of(1), kCheck, now).miss, Ledger::Miss::unknown);
  EXPECT_FALSE(ledger.open_verified(key_of(1), now));
  close(*session);
  EXPECT_FALSE(click(1));
}

TEST_F(LedgerEndTest, EndingItAgainChangesNothing) {
  add_live(1, alice);
  add_live(2, alice);
  const auto one = open(1);
  const auto two = open(1);
  ledger.end(one->ref);
  ledger.end(two->ref);
  ledger.end(one->ref);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(*one);
  ledger.end(two->ref);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(*two);
  EXPECT_TRUE(click(2));
}

TEST_F(LedgerEndTest, WhatOtherExchangesDoToItChangesNoCount) {
  add_live(1, alice);
  const auto one = open(1);
  const auto two = open(1);
  ledger.end(one->ref);
  close(*one);
  ledger.set_cookie_fingerprint(two->ref, 5);
  const MovedSession there = ledger.move(two->ref, alice, bob);
  EXPECT_EQ(there.node, bob) << "nothing keeps its exchange from going there";
  EXPECT_EQ(there.moved, DoneBy::another);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "0 live, 0 pending");
  close(*two);
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(LedgerEndTest, ItsKeyMayBeginAnewWhileItIsHeld) {
  add_live(1, alice);
  const auto old = open(1);
  ledger.end(old->ref);
  const OpenedSession fresh = begin(1, bob);
  EXPECT_EQ(fresh.begun, DoneBy::this_call);
  EXPECT_EQ(fresh.node, bob);
  EXPECT_NE(fresh.ref.index, old->ref.index);
  close(*old);
  close(fresh);
  EXPECT_EQ(on(bob), "0 live, 1 pending");
  EXPECT_TRUE(click(1));
}

TEST_F(LedgerEndTest, ARecordIsUsedAgainOnlyWhenNobodyHoldsIt) {
  add_live(1, alice);
  const auto one = open(1);
  const auto two = open(1);
  ledger.end(one->ref);
  close(*one);
  const OpenedSession next = begin(2, bob);
  EXPECT_NE(next.ref.index, two->ref.index);
  close(*two);
  const OpenedSession last = begin(3, bob);
  EXPECT_EQ(last.ref.index, two->ref.index) << "and then it is";
  close(next);
  close(last);
  EXPECT_EQ(on(bob), "0 live, 2 pending");
}

TEST_F(LedgerEndTest, NeitherTimeNorNewTimesFindIt) {
  add_live(1, alice);
  const auto session = open(1);
  ledger.end(session->ref);
  pass(hours{48});
  ledger.set_times(alice, {kIdle, kPending, kLifetime});
  pass(hours{48});
  close(*session);
  pass(hours{48});
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(LedgerEndTest, ADisplacedSessionEndsWithoutACount) {
  add_live(1, alice);
  const auto session = open(1);
  EXPECT_EQ(ledger.displace(alice), 1U);
  add_live(2, alice);
  ledger.end(session->ref);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(ledger.displace(alice), 1U);
  close(*session);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerEndTest, EndedOnesTakeNoRoomFromOthers) {
  std::vector<OpenedSession> held;
  for (std::uint64_t i = 0; i < 1000; ++i) held.push_back(begin(i, alice));
  for (const OpenedSession& session : held) ledger.end(session.ref);
  for (std::uint64_t i = 1000; i < 2000; ++i) visit_first(i, bob);
  EXPECT_EQ(ledger.totals().evicted, 0U);
  EXPECT_EQ(on(bob), "0 live, 1000 pending");
  for (const OpenedSession& session : held) close(session);
  EXPECT_EQ(sessions(), 1000U);
}

}  // namespace
}  // namespace bonedry::session
