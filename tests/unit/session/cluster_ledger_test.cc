// What a ledger does with what other proxies say of their sessions.

#include "tests/unit/session/cluster_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::session {
namespace {

using test::hours;
using test::key_of;
using test::minutes;
using test::seconds;

class ClusterLedgerTest : public test::ClusterTest {
 protected:
  void adopt(const RemoteSession& session) { cluster.adopt(session, now()); }
  [[nodiscard]] KnownSession look(std::uint64_t number) {
    const auto known = cluster.look(key_of(number), now());
    EXPECT_TRUE(known) << number;
    return known.value_or(KnownSession{});
  }
  [[nodiscard]] bool knows(std::uint64_t number) {
    return cluster.look(key_of(number), now()).has_value();
  }
  /// The same, sorted: sessions are told in no particular order.
  Lines told_sorted() {
    Lines lines = told();
    std::ranges::sort(lines);
    return lines;
  }

  ClusterLedger& cluster = member.cluster;
};

TEST_F(ClusterLedgerTest, ASessionIsTakenOverWithItsNodeStateAndAge) {
  clock.advance(minutes{5});
  RemoteSession session = remote(1, bob);
  session.created = now() - minutes{4};
  session.placed = now() - minutes{2};
  session.ends = now() + minutes{7};
  adopt(session);
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  const KnownSession known = look(1);
  EXPECT_EQ(known.key, key_of(1));
  EXPECT_EQ(known.node, bob);
  EXPECT_EQ(known.state, SessionState::live);
  EXPECT_EQ(known.created, session.created);
  EXPECT_EQ(known.placed, session.placed);
  EXPECT_FALSE(known.displaced);
  pass(minutes{7} - seconds{1});
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  pass(seconds{1} + kTick);
  EXPECT_EQ(on(bob), "0 live, 0 pending") << "it ends when the others think so";
}

TEST_F(ClusterLedgerTest, APendingOneIsTakenOverAsPending) {
  RemoteSession session = remote(1, bob, SessionState::pending);
  session.ends = now() + minutes{5};
  adopt(session);
  EXPECT_EQ(on(bob), "0 live, 1 pending");
  pass(minutes{5} + kTick);
  EXPECT_EQ(on(bob), "0 live, 0 pending");
}

TEST_F(ClusterLedgerTest, TheCookieThatCameIsKnownWithoutItsSealBeingOpened) {
  adopt(remote(1, alice));
  const auto found = ledger.open(key_of(1), kCheck, now());
  ASSERT_TRUE(found.opened);
  close(*found.opened);
}

TEST_F(ClusterLedgerTest, NobodyIsTakenOverWhoIsGoneAlready) {
  RemoteSession session = remote(1, alice);
  session.ends = now();
  adopt(session);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(ClusterLedgerTest, NobodyCanLastLongerByAnothersClockThanByUseHere) {
  RemoteSession session = remote(1, alice);
  session.ends = now() + hours{5};
  adopt(session);
  pass(kIdle + kTick);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(ClusterLedgerTest, WhatAnotherSaidIsNotToldBack) {
  adopt(remote(1, alice));
  cluster.place(key_of(1), bob, now() + seconds{1}, now());
  cluster.renew_remote(key_of(1), key_of(2), now());
  cluster.alias_remote(key_of(3), key_of(2), now());
  cluster.end_remote(key_of(2), now(), now());
  EXPECT_EQ(told(), Lines{});
}

TEST_F(ClusterLedgerTest, OneThatWasTakenOverIsToldOnceItIsUsedHere) {
  RemoteSession session = remote(1, alice);
  session.ends = now() + kIdle + kSlack;
  adopt(session);
  EXPECT_EQ(told(), Lines{});
  click(1);
  EXPECT_EQ(told(), Lines{"1 present live on alice"}) << "though its end has hardly moved";
  pass(seconds{20});
  click(1);
  EXPECT_EQ(told(), Lines{});
}

TEST_F(ClusterLedgerTest, ItsEndIsToldEvenIfItWasNeverUsedHere) {
  adopt(remote(1, alice));
  pass(kIdle + kTick);
  EXPECT_EQ(told(), Lines{"1 expired"});
}

TEST_F(ClusterLedgerTest, OneThatIsKnownBecomesLiveIfItIsElsewhere) {
  add(1, alice, SessionState::pending);
  (void)told();
  adopt(remote(1, alice));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(told(), Lines{});
}

TEST_F(ClusterLedgerTest, OneThatIsLiveHereStaysLiveAndTheOthersAreTold) {
  add(1, alice);
  (void)told();
  adopt(remote(1, alice, SessionState::pending));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(told(), Lines{"1 present live on alice"});
}

TEST_F(ClusterLedgerTest, TheLaterUseCounts) {
  add(1, alice);
  add(2, alice);
  pass(minutes{10});
  click(2);
  RemoteSession later = remote(1, alice);
  later.created = later.placed = now() - minutes{10};
  RemoteSession earlier = later;
  earlier.key = key_of(2);
  earlier.ends = now() + minutes{1};
  adopt(later);
  adopt(earlier);
  pass(kIdle - seconds{1});
  EXPECT_EQ(on(alice), "2 live, 0 pending");
}

TEST_F(ClusterLedgerTest, OneThatWasMovedElsewhereIsMovedHere) {
  add(1, alice);
  (void)told();
  pass(seconds{10});
  RemoteSession moved = remote(1, bob);
  moved.fingerprint = kCheck + 1;
  adopt(moved);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_EQ(look(1).placed, now());
  const auto found = ledger.open(key_of(1), kCheck + 1, now());
  ASSERT_TRUE(found.opened) << "by the cookie that names bob";
  close(*found.opened);
}

TEST_F(ClusterLedgerTest, OneThatWasMovedLaterHereStaysAndTheOthersAreTold) {
  add(1, alice);
  const RemoteSession before = remote(1, alice);
  pass(seconds{10});
  move(1, alice, bob);
  (void)told();
  adopt(before);
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_EQ(told(), Lines{"1 present live on bob"});
}

TEST_F(ClusterLedgerTest, OfTwoPlacesAtTheSameMomentTheOthersCounts) {
  add(1, alice);
  adopt(remote(1, bob));
  EXPECT_EQ(on(bob), "1 live, 0 pending");
}

TEST_F(ClusterLedgerTest, ADisplacedOneIsPutWhereAnotherMovedIt) {
  add(1, alice);
  (void)ledger.displace(alice);
  EXPECT_TRUE(look(1).displaced);
  pass(seconds{1});
  adopt(remote(1, bob));
  EXPECT_FALSE(look(1).displaced);
  EXPECT_EQ(on(bob), "1 live, 0 pending");
}

TEST_F(ClusterLedgerTest, TheUsesOfADisplacedOneAreToldOnceAnotherHasMovedIt) {
  add(1, alice);
  (void)told();
  pass(minutes{1});
  const OpenedSession session = open(1);
  (void)ledger.displace(alice);
  close(session);
  EXPECT_EQ(told(), Lines{});
  cluster.place(key_of(1), bob, now(), now());
  EXPECT_EQ(told(), Lines{"1 present live on bob"});
}

TEST_F(ClusterLedgerTest, ADisplacedOneStaysDisplacedWhereOthersHaveNotHeardOfIt) {
  add(1, alice);
  const RemoteSession before = remote(1, alice);
  pass(seconds{1});
  (void)ledger.displace(alice);
  adopt(before);
  EXPECT_TRUE(look(1).displaced);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(ClusterLedgerTest, AMoveElsewhereIsFollowed) {
  add(1, alice);
  (void)told();
  pass(seconds{10});
  cluster.place(key_of(1), bob, now(), now());
  cluster.place(key_of(1), bob, now(), now());
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_EQ(look(1).placed, now());
  EXPECT_EQ(told(), Lines{});
}

TEST_F(ClusterLedgerTest, AMoveIsNotFollowedOnceTheSessionWasMovedLaterHere) {
  add(1, alice);
  const Instant before = now();
  pass(seconds{10});
  move(1, alice, bob);
  (void)told();
  cluster.place(key_of(1), alice, before, now());
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_EQ(told(), Lines{"1 present live on bob"}) << "the other must hear it again";
}

TEST_F(ClusterLedgerTest, AMoveHereAfterOneElsewhereIsLaterThanThat) {
  add(1, alice);
  const Instant ahead = now() + seconds{3};  // by the other's clock
  cluster.place(key_of(1), bob, ahead, now());
  move(1, bob, alice);
  EXPECT_GT(look(1).placed, ahead);
}

TEST_F(ClusterLedgerTest, AMoveOfAnUnknownSessionIsIgnored) {
  cluster.place(key_of(1), bob, now(), now());
  EXPECT_FALSE(knows(1));
}

TEST_F(ClusterLedgerTest, OneThatAnExchangeHoldsIsMovedUnderIt) {
  const OpenedSession session = begin(1, alice);
  pass(seconds{1});
  cluster.place(key_of(1), bob, now(), now());
  EXPECT_EQ(ledger.move(session.ref, alice, alice).node, bob) << "one user is on one node";
  close(session);
}

TEST_F(ClusterLedgerTest, ALogoutElsewhereEndsTheSession) {
  add(1, alice);
  (void)told();
  cluster.end_remote(key_of(1), now(), now());
  cluster.end_remote(key_of(1), now(), now());
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_FALSE(knows(1));
  EXPECT_FALSE(ledger.open_verified(key_of(1), now()));
  EXPECT_EQ(told(), Lines{});
}

TEST_F(ClusterLedgerTest, ALogoutElsewhereTakesOneThatIsHeldOffTheCount) {
  const OpenedSession session = begin(1, alice);
  cluster.end_remote(key_of(1), now(), now());
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  close(session);
  add(2, alice);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(ClusterLedgerTest, ALogoutElsewhereDoesNotEndWhoHasBegunAnewSince) {
  const Instant ended = now();
  pass(seconds{1});
  add(1, alice);
  cluster.end_remote(key_of(1), ended, now());
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(ClusterLedgerTest, ALogoutElsewhereByAnotherValueEndsTheSession) {
  add(1, alice);
  const OpenedSession session = open(1);
  ledger.alias(session.ref, key_of(2), now());
  close(session);
  cluster.end_remote(key_of(2), now(), now());
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_FALSE(knows(1));
}

TEST_F(ClusterLedgerTest, ARenewalElsewhereIsFollowedAndBothValuesFindTheSession) {
  add(1, alice);
  const Instant begun = now();
  pass(minutes{1});
  move(1, alice, bob);
  const Instant placed = now();
  (void)told();
  pass(minutes{1});
  cluster.renew_remote(key_of(1), key_of(2), now());
  cluster.renew_remote(key_of(1), key_of(2), now());
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  EXPECT_EQ(look(1).key, key_of(2));
  EXPECT_EQ(look(2).key, key_of(2));
  EXPECT_EQ(look(2).created, begun);
  EXPECT_EQ(look(2).placed, placed);
  click(1);
  click(2);
  EXPECT_EQ(told_sorted(), (Lines{"1 aliased 2", "2 present live on bob"}));
}

TEST_F(ClusterLedgerTest, ARenewalElsewhereIsNoUse) {
  add(1, alice);
  pass(kIdle - seconds{1});
  cluster.renew_remote(key_of(1), key_of(2), now());
  pass(seconds{1} + kTick);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(ClusterLedgerTest, AUseThatWasNotToldBeforeARenewalElsewhereIsToldAfterIt) {
  add(1, alice);
  (void)told();
  pass(minutes{1});
  click(1);
  cluster.renew_remote(key_of(1), key_of(2), now());
  EXPECT_EQ(told_sorted(), (Lines{"1 aliased 2", "2 present live on alice"}));
}

TEST_F(ClusterLedgerTest, SoIsTheFirstUseOfOneThatWasTakenOver) {
  adopt(remote(1, alice));
  click(1);
  cluster.renew_remote(key_of(1), key_of(2), now());
  EXPECT_EQ(told_sorted(), (Lines{"1 aliased 2", "2 present live on alice"}));
}

TEST_F(ClusterLedgerTest, APendingOneThatARenewalElsewhereMakesLiveIsToldToLastLonger) {
  add(1, alice, SessionState::pending);
  (void)told();
  cluster.renew_remote(key_of(1), key_of(2), now());
  EXPECT_EQ(told(), Lines{"2 present live on alice"});
}

TEST_F(ClusterLedgerTest, ARenewalElsewhereOfOneThatIsHeldKeepsItHeld) {
  const OpenedSession session = begin(1, alice);
  cluster.renew_remote(key_of(1), key_of(2), now());
  pass(kIdle + minutes{1});
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(session);
  pass(kIdle + kTick);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(ClusterLedgerTest, ARenewalElsewhereJoinsTheNewValueThatCameHereFirst) {
  add(1, alice);
  pass(seconds{1});
  RemoteSession renewed = remote(2, alice);
  renewed.created = now() - Millis{999};  // ages are told in milliseconds, and take time to come
  adopt(renewed);
  EXPECT_EQ(on(alice), "2 live, 0 pending");
  cluster.renew_remote(key_of(1), key_of(2), now());
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(look(1).key, key_of(2));
  click(1);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(ClusterLedgerTest, OneThatWasRenewedHereTooHasAllValues) {
  add(1, alice);
  const OpenedSession session = open(1);
  (void)ledger.renew(session.ref, key_of(2), alice, now());
  close(session);
  cluster.renew_remote(key_of(1), key_of(3), now());
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  for (const std::uint64_t value : {1U, 2U, 3U}) EXPECT_EQ(look(value).key, key_of(2)) << value;
}

TEST_F(ClusterLedgerTest, ARenewalOfAnUnknownSessionIsIgnored) {
  cluster.renew_remote(key_of(1), key_of(2), now());
  EXPECT_FALSE(knows(1));
  EXPECT_FALSE(knows(2));
}

TEST_F(ClusterLedgerTest, ARenewalAsItselfIsIgnored) {
  add(1, alice);
  cluster.renew_remote(key_of(1), key_of(1), now());
  EXPECT_EQ(look(1).key, key_of(1));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(ClusterLedgerTest, RenewalsInACircleAreSurvived) {
  add(1, alice);
  cluster.renew_remote(key_of(1), key_of(2), now());
  cluster.renew_remote(key_of(2), key_of(1), now());
  cluster.renew_remote(key_of(2), key_of(3), now());
  cluster.renew_remote(key_of(3), key_of(1), now());
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(look(1).key, key_of(3));
  click(1);
  pass(kIdle + kTick);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(ClusterLedgerTest, AnotherValueElsewhereFindsTheSessionHere) {
  add(1, alice);
  (void)told();
  cluster.alias_remote(key_of(2), key_of(1), now());
  cluster.alias_remote(key_of(2), key_of(1), now());
  EXPECT_EQ(look(2).key, key_of(1));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(told(), Lines{});
  click(2);
  EXPECT_EQ(told_sorted(), (Lines{"2 aliased 1"}));
}

TEST_F(ClusterLedgerTest, AnotherValueOfAnUnknownSessionIsIgnored) {
  cluster.alias_remote(key_of(2), key_of(1), now());
  EXPECT_FALSE(knows(2));
}

TEST_F(ClusterLedgerTest, AnotherValueThatIsASessionHereStaysOne) {
  add(1, alice);
  add(2, bob);
  cluster.alias_remote(key_of(2), key_of(1), now());
  EXPECT_EQ(look(2).key, key_of(2));
  EXPECT_EQ(on(bob), "1 live, 0 pending");
}

TEST_F(ClusterLedgerTest, ToLookIsNoUse) {
  add(1, alice, SessionState::pending);
  (void)told();
  pass(kPending - seconds{1});
  EXPECT_EQ(look(1).state, SessionState::pending);
  pass(seconds{1} + kTick);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_FALSE(knows(1));
}

TEST_F(ClusterLedgerTest, AFullLedgerTakesOverNobodyButNotesWhoIsMissing) {
  test::Member full(clock, 20'000);
  std::vector<OpenedSession> held;  // in one of many shards
  for (std::uint64_t i = 1; full.ledger.totals().evicted == 0; ++i) {
    ASSERT_LT(i, 20'000U);
    held.push_back(full.ledger.begin({0, i}, kCheck, alice, SessionState::live, now(), now()));
  }
  pass(seconds{1});
  RemoteSession session = remote(0, bob);
  session.key = {0, 99'999};
  full.cluster.adopt(session, now());
  EXPECT_FALSE(full.cluster.look(session.key, now()));
  EXPECT_EQ(full.ledger.last_eviction(bob), now());
  for (const OpenedSession& one : held) full.ledger.close(one.ref, now());
}

}  // namespace
}  // namespace bonedry::session
