#include "session/mapped_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

namespace bonedry::session {
namespace {

using test::hours;
using test::key_of;
using test::minutes;
using test::seconds;

using LedgerLifeTest = test::LedgerTest;

TEST_F(LedgerLifeTest, ANewUserIsPendingUntilTheCookieComesBack) {
  visit_first(1, alice);
  EXPECT_EQ(on(alice), "0 live, 1 pending");
  EXPECT_TRUE(click(1));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_TRUE(click(1));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  EXPECT_EQ(on(bob), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, AnOpenedSessionSaysWhereItIsAndSinceWhen) {
  visit_first(1, bob);
  const Instant begun = now;
  pass(minutes{1});
  const auto opened = open(1);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->node, bob);
  EXPECT_EQ(opened->created, begun);
  EXPECT_FALSE(opened->displaced);
  close(*opened);
}

TEST_F(LedgerLifeTest, NobodyIsFoundWhoWasNeverThere) {
  visit_first(1, alice);
  const auto lookup = ledger.open(key_of(2), kCheck, now);
  EXPECT_FALSE(lookup.opened);
  EXPECT_EQ(lookup.miss, Ledger::Miss::unknown);
  EXPECT_FALSE(ledger.open_verified(key_of(2), now));
}

TEST_F(LedgerLifeTest, AnotherCookieOfTheSessionIsAMismatchAndProvesNothing) {
  visit_first(1, alice);
  const auto lookup = ledger.open(key_of(1), kCheck + 1, now);
  EXPECT_FALSE(lookup.opened);
  EXPECT_EQ(lookup.miss, Ledger::Miss::mismatch);
  EXPECT_EQ(on(alice), "0 live, 1 pending");
}

TEST_F(LedgerLifeTest, AVerifiedCookieOpensTheSessionWhateverItsCheck) {
  visit_first(1, alice);
  const auto opened = ledger.open_verified(key_of(1), now);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->node, alice);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(*opened);
}

TEST_F(LedgerLifeTest, OnlyTheCookieLastIssuedOpensWithoutAVerdict) {
  const OpenedSession session = begin(1, alice);
  ledger.set_cookie_fingerprint(session.ref, 99);
  close(session);
  EXPECT_FALSE(open(1, kCheck));
  EXPECT_TRUE(open(1, 99));
}

TEST_F(LedgerLifeTest, ALiveSessionEndsByIdling) {
  add_live(1, alice);
  pass(kIdle - Millis{1});
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  pass(kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(LedgerLifeTest, APendingSessionEndsByThePendingTimeout) {
  visit_first(1, alice);
  pass(kPending - Millis{1});
  EXPECT_EQ(on(alice), "0 live, 1 pending");
  pass(kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, ASessionThatTurnedLiveHasTheIdleTimeout) {
  visit_first(1, alice);
  pass(kPending - seconds{1});
  ASSERT_TRUE(click(1));
  pass(kIdle - Millis{1});
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  pass(kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, AnIdleTimeoutShorterThanThePendingOneCountsAtOnce) {
  ledger.set_times(alice, {minutes{1}, minutes{10}, kLifetime});
  visit_first(1, alice);
  ASSERT_TRUE(click(1));
  pass(minutes{1} + kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, EveryClickStartsTheIdleTimeAnew) {
  add_live(1, alice);
  for (int i = 0; i < 20; ++i) {
    pass(kIdle - seconds{1});
    ASSERT_TRUE(click(1)) << i;
  }
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(LedgerLifeTest, WhoComesAfterTheTimeIsNotFoundEvenBeforeTheSweep) {
  add_live(1, alice);
  now = now + kIdle;
  EXPECT_FALSE(open(1));
  EXPECT_EQ(on(alice), "0 live, 0 pending") << "found to be over, and so not counted";
}

TEST_F(LedgerLifeTest, TheLifetimeEndsEvenABusySession) {
  add_live(1, alice);
  const Instant end = now + kLifetime;
  while (now + minutes{10} < end) {
    pass(minutes{10});
    ASSERT_TRUE(click(1));
  }
  now = end - Millis{1};
  ASSERT_TRUE(click(1));
  now = end;
  EXPECT_FALSE(click(1));
  pass(kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, AHeldSessionDoesNotIdle) {
  add_live(1, alice);
  const auto download = open(1);
  ASSERT_TRUE(download);
  pass(kIdle + minutes{1});
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(*download);
  pass(kIdle - Millis{1});
  EXPECT_EQ(on(alice), "1 live, 0 pending") << "the idle time counts from the end";
  pass(kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, AWebSocketOpenForHoursKeepsItsSession) {
  add_live(1, alice);
  const auto socket = open(1);
  ASSERT_TRUE(socket);
  for (int i = 0; i < 6 * 60; ++i) {
    pass(minutes{1});
    ASSERT_EQ(on(alice), "1 live, 0 pending") << "after " << i + 1 << " minutes";
  }
  EXPECT_TRUE(click(1)) << "a click beside it finds the session";
  close(*socket);
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(LedgerLifeTest, AHeldSessionIsFoundHoweverLongNothingElseCame) {
  add_live(1, alice);
  const auto socket = open(1);
  ASSERT_TRUE(socket);
  now = now + 3 * kIdle;  // without a sweep
  const auto beside = open(1);
  ASSERT_TRUE(beside);
  close(*beside);
  close(*socket);
}

TEST_F(LedgerLifeTest, AHeldPendingSessionDoesNotRunOut) {
  const OpenedSession slow = begin(1, alice);
  pass(kPending + minutes{5});
  EXPECT_EQ(on(alice), "0 live, 1 pending");
  close(slow);
  pass(kPending - Millis{1});
  EXPECT_EQ(on(alice), "0 live, 1 pending");
  pass(kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, AHeldPendingSessionOutlastsManyTimeouts) {
  const OpenedSession slow = begin(1, alice);
  for (int i = 0; i < 120; ++i) {
    pass(minutes{1});
    ASSERT_EQ(on(alice), "0 live, 1 pending") << "after " << i + 1 << " minutes";
  }
  close(slow);
}

TEST_F(LedgerLifeTest, AHeldSessionOutlivesItsLifetimeUntilItIsReleased) {
  ledger.set_times(alice, {hours{2}, hours{2}, hours{1}});
  add_live(1, alice);
  const auto socket = open(1);
  ASSERT_TRUE(socket);
  pass(hours{1} + minutes{30});
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(*socket);
  pass(kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending") << "past its lifetime, it ends with the exchange";
}

TEST_F(LedgerLifeTest, ItIsHeldUntilTheLastOfSeveralExchangesIsOver) {
  add_live(1, alice);
  const auto one = open(1);
  const auto two = open(1);
  ASSERT_TRUE(one && two);
  pass(minutes{1});
  close(*one);
  pass(kIdle + minutes{10});
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  close(*two);
  pass(kIdle + kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerLifeTest, AClockThatIsALittleBehindShortensNothing) {
  add_live(1, alice);
  pass(seconds{10});
  ASSERT_TRUE(click(1));
  const auto opened = ledger.open(key_of(1), kCheck, now - seconds{5}).opened;
  ASSERT_TRUE(opened);
  ledger.close(opened->ref, now - seconds{5});
  pass(kIdle - Millis{1});
  EXPECT_EQ(on(alice), "1 live, 0 pending");
}

TEST_F(LedgerLifeTest, ASessionTakenBackInKeepsItsAge) {
  const Instant begun = now - hours{11};
  close(ledger.begin(key_of(1), kCheck, alice, SessionState::live, begun, now));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  for (int i = 0; i < 5; ++i) {
    pass(minutes{11});
    ASSERT_TRUE(click(1));
  }
  pass(minutes{5} + kSlack);
  EXPECT_EQ(on(alice), "0 live, 0 pending") << "twelve hours after it began";
}

TEST_F(LedgerLifeTest, BegunTwiceItIsOneSessionOnTheFirstOnesNode) {
  const OpenedSession first = begin(1, alice);
  const OpenedSession second = begin(1, bob);
  EXPECT_EQ(second.node, alice);
  EXPECT_EQ(sessions(), 1U);
  EXPECT_EQ(on(bob), "0 live, 0 pending");
  EXPECT_EQ(on(alice), "1 live, 0 pending") << "whoever begins it again had its cookie";
  close(first);
  pass(kIdle + minutes{1});
  EXPECT_EQ(on(alice), "1 live, 0 pending") << "the second still holds it";
  close(second);
  pass(kIdle + kSlack);
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(LedgerLifeTest, AKeyThatHasEndedMayBeginAgainElsewhere) {
  add_live(1, alice);
  now = now + kIdle;  // not swept yet
  const OpenedSession again = begin(1, bob, SessionState::live);
  EXPECT_EQ(again.node, bob);
  EXPECT_EQ(again.created, now);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "1 live, 0 pending");
  close(again);
}

TEST_F(LedgerLifeTest, ManySessionsDoNotMixUp) {
  constexpr std::uint64_t kMany = 900;
  for (std::uint64_t i = 0; i < kMany; ++i) visit_first(i, i % 3 == 0 ? alice : bob);
  EXPECT_EQ(on(alice), "0 live, 300 pending");
  EXPECT_EQ(on(bob), "0 live, 600 pending");
  for (std::uint64_t i = 0; i < kMany; i += 2) ASSERT_TRUE(click(i)) << i;
  EXPECT_EQ(on(alice), "150 live, 150 pending");
  EXPECT_EQ(on(bob), "300 live, 300 pending");
  pass(kPending + kSlack);
  EXPECT_EQ(on(alice), "150 live, 0 pending");
  EXPECT_EQ(on(bob), "300 live, 0 pending");
}

TEST_F(LedgerLifeTest, KeysThatDifferInOneHalfOnlyAreDifferentSessions) {
  const SessionKey one{1, 5};
  const SessionKey two{2, 5};
  const SessionKey three{1, 6};
  ledger.close(ledger.begin(one, kCheck, alice, SessionState::live, now, now).ref, now);
  ledger.close(ledger.begin(two, kCheck, bob, SessionState::live, now, now).ref, now);
  EXPECT_EQ(ledger.open_verified(one, now)->node, alice);
  EXPECT_EQ(ledger.open_verified(two, now)->node, bob);
  EXPECT_FALSE(ledger.open_verified(three, now));
}

TEST(SessionStateTest, StatesHaveTheWordsOfTheDesign) {
  EXPECT_STREQ(to_string(SessionState::pending), "pending");
  EXPECT_STREQ(to_string(SessionState::live), "live");
}

}  // namespace
}  // namespace bonedry::session
