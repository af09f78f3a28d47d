// What a ledger tells other proxies of its sessions: everything that they must know, and no more.

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

class ChangeFeedTest : public test::ClusterTest {
 protected:
  /// One whose ledger has many shards.
  struct BigMember : test::Member {
    explicit BigMember(const Clock& clock) : Member(clock, 100'000) {}
  };
  OpenedSession begin_at(BigMember& big, std::uint64_t number, NodeSlot slot) const {
    return big.ledger.begin(key_of(number), kCheck, slot, SessionState::live, now(), now());
  }
  Lines everything(BigMember& big) {
    std::vector<SessionChange> changes;
    while (big.cluster.collect(changes, 100, now())) continue;
    Lines lines;
    for (const SessionChange& change : changes) lines.push_back(line(change));
    return lines;
  }
};

TEST_F(ChangeFeedTest, ASessionIsToldWhenItBegins) {
  const Instant begun = now();
  add(1, alice, SessionState::pending);
  const std::vector<SessionChange> changes = collect();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(line(changes[0]), "1 present pending on alice");
  EXPECT_EQ(changes[0].created, begun);
  EXPECT_EQ(changes[0].placed, begun);
  EXPECT_EQ(changes[0].ends, begun + kPending + kSlack);
  EXPECT_EQ(told(), Lines{}) << "once";
}

TEST_F(ChangeFeedTest, ItIsToldWhenItBecomesLive) {
  add(1, alice, SessionState::pending);
  (void)told();
  click(1);
  EXPECT_EQ(told(), Lines{"1 present live on alice"});
}

TEST_F(ChangeFeedTest, AUseIsToldOnlyOnceTheEndIsLaterThanWasTold) {
  add(1, alice);
  (void)told();
  for (int second = 0; second < 30; ++second) {
    pass(seconds{1});
    click(1);
    ASSERT_EQ(told(), Lines{}) << second;
  }
  pass(seconds{1});
  click(1);
  const std::vector<SessionChange> changes = collect();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].ends, now() + kIdle + kSlack);
}

TEST_F(ChangeFeedTest, TheSlackIsATwentiethOfAShortTimeout) {
  ledger.set_times(alice, {seconds{60}, seconds{60}, hours{12}});
  add(1, alice);
  EXPECT_EQ(collect().at(0).ends, now() + seconds{63});
  pass(seconds{3});
  click(1);
  EXPECT_EQ(told(), Lines{});
  pass(seconds{1});
  click(1);
  EXPECT_EQ(told(), Lines{"1 present live on alice"});
}

TEST_F(ChangeFeedTest, HoweverOftenItIsUsedItIsToldOnce) {
  for (int i = 0; i < 100; ++i) {
    add(1, alice);
    pass(minutes{1});
  }
  EXPECT_EQ(told(), Lines{"1 present live on alice"});
}

TEST_F(ChangeFeedTest, AMoveIsToldWithItsTime) {
  const Instant begun = now();
  add(1, alice);
  (void)told();
  pass(seconds{5});
  move(1, alice, bob);
  const std::vector<SessionChange> changes = collect();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(line(changes[0]), "1 present live on bob");
  EXPECT_EQ(changes[0].created, begun);
  EXPECT_EQ(changes[0].placed, begun + seconds{5});
}

TEST_F(ChangeFeedTest, TwoMovesAtOnceAreInOrder) {
  add(1, alice);
  move(1, alice, bob);
  const Instant first = collect().at(0).placed;
  move(1, bob, alice);
  EXPECT_GT(collect().at(0).placed, first);
}

TEST_F(ChangeFeedTest, AnExpiredSessionIsToldWhenItExpires) {
  add(1, alice);
  (void)told();
  const Instant ends = now() + kIdle;
  pass(kIdle - seconds{1});
  EXPECT_EQ(told(), Lines{});
  pass(seconds{1} + kTick);
  const std::vector<SessionChange> changes = collect();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(line(changes[0]), "1 expired");
  EXPECT_EQ(changes[0].ends, ends);
}

TEST_F(ChangeFeedTest, SoIsOneThatARequestFindsExpired) {
  add(1, alice);
  (void)told();
  clock.advance(kIdle);
  EXPECT_FALSE(ledger.open_verified(key_of(1), now()));
  EXPECT_EQ(told(), Lines{"1 expired"});
}

TEST_F(ChangeFeedTest, ALogoutIsTold) {
  add(1, alice);
  (void)told();
  pass(seconds{5});
  const OpenedSession session = open(1);
  ledger.end(session.ref);
  ledger.end(session.ref);
  const std::vector<SessionChange> changes = collect();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(line(changes[0]), "1 left");
  EXPECT_EQ(changes[0].ends, now());
  close(session);
  EXPECT_EQ(told(), Lines{}) << "and only once";
}

TEST_F(ChangeFeedTest, WhoBeginsAnewAfterALogoutIsToldAfterIt) {
  const OpenedSession session = begin(1, alice);
  ledger.end(session.ref);
  close(session);
  add(1, bob);
  EXPECT_EQ(told(), (Lines{"1 left", "1 present live on bob"}));
}

TEST_F(ChangeFeedTest, AnEvictionIsNotTold) {
  for (std::uint64_t i = 1; i <= 1200; ++i) add(i, alice, SessionState::pending);
  ASSERT_GT(ledger.totals().evicted, 0U);
  const Lines lines = told();
  EXPECT_EQ(lines.size(), ledger.totals().sessions) << "those that are still there";
  EXPECT_TRUE(std::ranges::none_of(
      lines, [](const std::string& line) { return line.find("present") == std::string::npos; }));
}

TEST_F(ChangeFeedTest, DisplacedSessionsAreToldOnceTheyAreMoved) {
  add(1, alice);
  add(2, alice);
  (void)told();
  (void)ledger.displace(alice);
  pass(minutes{1});
  click(1);
  EXPECT_EQ(told(), Lines{});
  EXPECT_EQ(all(), Lines{});
  move(1, alice, alice);
  const std::vector<SessionChange> changes = collect();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(line(changes[0]), "1 present live on alice");
  EXPECT_EQ(changes[0].placed, now());
}

TEST_F(ChangeFeedTest, TheEndOfADisplacedSessionIsTold) {
  add(1, alice);
  (void)told();
  (void)ledger.displace(alice);
  pass(kIdle + kTick);
  EXPECT_EQ(told(), Lines{"1 expired"});
}

TEST_F(ChangeFeedTest, AHeldSessionIsToldAgainBeforeTheEndThatWasTold) {
  const OpenedSession session = begin(1, alice);
  Instant ends = collect().at(0).ends;
  EXPECT_EQ(ends, now() + kIdle + kSlack);
  int times = 0;
  for (int minute = 0; minute < 300; ++minute) {
    pass(minutes{1});
    for (const SessionChange& change : collect()) {
      ++times;
      EXPECT_EQ(change.ends, now() + kIdle + kSlack);
      ends = change.ends;
    }
    ASSERT_GT(ends, now() + kIdle / 2) << minute;
  }
  EXPECT_LE(times, 60) << "but seldom";
  close(session);
  pass(kIdle + kTick);
  EXPECT_EQ(told().back(), "1 expired");
}

TEST_F(ChangeFeedTest, SoIsOneOfAShortTimeoutThatOutlivesItsLifetime) {
  ledger.set_times(alice, {seconds{10}, seconds{2}, seconds{30}});
  add(1, alice);
  pass(seconds{9});
  const OpenedSession session = open(1);
  Instant ends = now();
  for (int tick = 0; tick < 1000; ++tick) {
    for (const SessionChange& change : collect()) ends = change.ends;
    ASSERT_GT(ends, now() + seconds{5}) << tick;
    pass(Millis{100});
  }
  close(session);
  pass(kTick);
  EXPECT_EQ(told().back(), "1 expired");
}

TEST_F(ChangeFeedTest, LongerTimesAreTold) {
  add(1, alice);
  (void)told();
  ledger.set_times(alice, {hours{2}, minutes{10}, hours{12}});
  EXPECT_EQ(collect().at(0).ends, now() + hours{2} + kSlack);
}

TEST_F(ChangeFeedTest, ARecordThatIsUsedAgainHasNothingOfTheSessionBefore) {
  add(1, alice);
  move(1, alice, bob);
  const OpenedSession session = open(1);
  (void)told();
  ledger.end(session.ref);
  close(session);
  (void)told();
  const Instant before = now() - minutes{5};
  const OpenedSession next =
      ledger.begin(key_of(2), kCheck, alice, SessionState::pending, before, now());
  ASSERT_EQ(next.ref, session.ref);
  close(next);
  const std::vector<SessionChange> changes = collect();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(line(changes[0]), "2 present pending on alice");
  EXPECT_EQ(changes[0].placed, before);
}

TEST_F(ChangeFeedTest, ARenewalIsToldBeforeTheNewValue) {
  add(1, alice);
  (void)told();
  pass(minutes{1});
  const OpenedSession session = open(1);
  (void)told();
  (void)ledger.renew(session.ref, key_of(2), alice, now());
  EXPECT_EQ(told(), (Lines{"1 renewed 2", "2 present live on alice"}));
  close(session);
  EXPECT_EQ(told(), Lines{});
  const OpenedSession next = open(2);
  ledger.end(next.ref);
  close(next);
  EXPECT_EQ(told(), Lines{"2 left"}) << "the previous value leaves without a word";
}

TEST_F(ChangeFeedTest, WhatBecameOfAValueIsToldBeforeWhoHasItNowInWhicheverShardTheyAre) {
  for (std::uint64_t first = 1; first <= 64; first += 2) {
    BigMember big(clock);
    const NodeSlot node = big.alice;
    big.ledger.close(begin_at(big, first, node).ref, now());
    (void)everything(big);
    const auto session = big.ledger.open_verified(key_of(first), now());
    (void)big.ledger.renew(session->ref, key_of(first + 1), node, now());
    big.ledger.end(session->ref);
    big.ledger.close(session->ref, now());
    big.ledger.close(begin_at(big, first, node).ref, now());
    const std::string value = std::to_string(first);
    const std::string next = std::to_string(first + 1);
    ASSERT_EQ(everything(big), (Lines{value + " renewed " + next, next + " left",
                                      value + " present live on alice"}));
  }
}

TEST_F(ChangeFeedTest, ARenewedSessionKeepsWhenItWasPlaced) {
  add(1, alice);
  pass(minutes{1});
  move(1, alice, bob);
  const Instant placed = now();
  pass(minutes{1});
  const OpenedSession session = open(1);
  (void)ledger.renew(session.ref, key_of(2), bob, now());
  (void)ledger.renew(session.ref, key_of(3), alice, now());
  close(session);
  EXPECT_EQ(member.cluster.look(key_of(3), now())->placed, now()) << "moved as it was renewed";
  const std::vector<SessionChange> changes = collect();
  EXPECT_EQ(std::ranges::count(changes, SessionChange::Kind::renewed, &SessionChange::kind), 2);
  EXPECT_EQ(placed + minutes{1}, now());
}

TEST_F(ChangeFeedTest, AnAliasIsToldAndToldAgainWhenItIsUsed) {
  add(1, alice);
  const OpenedSession session = open(1);
  ledger.alias(session.ref, key_of(2), now());
  close(session);
  Lines lines = told();
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (Lines{"1 present live on alice", "2 aliased 1"}));
  pass(seconds{20});
  click(2);
  EXPECT_EQ(told(), Lines{});
  pass(seconds{20});
  click(2);
  lines = told();
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (Lines{"1 present live on alice", "2 aliased 1"}));
}

TEST_F(ChangeFeedTest, EverythingCanBeToldAgain) {
  for (std::uint64_t i = 1; i <= 3; ++i) add(i, alice);
  const OpenedSession session = open(1);
  ledger.alias(session.ref, key_of(9), now());
  close(session);
  (void)told();
  const Lines expected{"1 present live on alice", "2 present live on alice",
                       "3 present live on alice", "9 aliased 1"};
  Lines lines = all();
  std::ranges::sort(lines);
  EXPECT_EQ(lines, expected);
  pass(seconds{20});
  click(1);
  EXPECT_EQ(told(), Lines{}) << "which counts as told";
}

TEST_F(ChangeFeedTest, PiecesAreNoLargerThanWanted) {
  for (std::uint64_t i = 1; i <= 700; ++i) add(i, alice);
  std::vector<SessionChange> changes;
  EXPECT_TRUE(member.cluster.collect(changes, 300, now()));
  EXPECT_EQ(changes.size(), 300U);
  EXPECT_TRUE(member.cluster.collect(changes, 300, now()));
  EXPECT_EQ(changes.size(), 600U);
  EXPECT_FALSE(member.cluster.collect(changes, 300, now()));
  EXPECT_EQ(changes.size(), 700U);
}

TEST_F(ChangeFeedTest, TooManyEndingsThatNobodyCollectsAreNoticed) {
  std::uint64_t number = 1;
  while (!member.cluster.take_overflow()) {
    ASSERT_LT(number, 5000U);
    const OpenedSession session = begin(number++, alice);
    ledger.end(session.ref);
    close(session);
  }
  EXPECT_FALSE(member.cluster.take_overflow()) << "once";
  EXPECT_GE(told().size(), 1000U) << "as many as there is room for sessions";
  const OpenedSession session = begin(number, alice);
  ledger.end(session.ref);
  close(session);
  EXPECT_EQ(told().size(), 1U) << "there is room again";
}

TEST_F(ChangeFeedTest, NothingIsNotedOnceNobodyWantsIt) {
  MappedLedger other(100, now());
  const NodeSlot node = other.slot_of("shop/alice");
  other.set_times(node, test::Member::kTimes);
  { const ClusterLedger cluster(other, clock); }
  other.close(other.begin(key_of(1), 1, node, SessionState::live, now(), now()).ref, now());
  ClusterLedger again(other, clock);
  std::vector<SessionChange> changes;
  EXPECT_FALSE(again.collect(changes, 10, now()));
  EXPECT_TRUE(changes.empty());
  for (std::size_t part = 0; part < again.parts(); ++part) again.collect_all(part, changes, now());
  EXPECT_EQ(changes.size(), 1U) << "what was there before is told with everything";
}

TEST(ShortTimesTest, RoundsEitherWayAndKnowsTheTimeBeforeItsBase) {
  const ShortTimes times(1'000'000);
  for (const std::int64_t ms : {-999'950LL, -50LL, 0LL, 50LL, 1'000'000LL, 1'000'099LL}) {
    EXPECT_LE(times.ms(times.down(ms)), ms);
    EXPECT_GT(times.ms(times.down(ms)), ms - 100);
    EXPECT_GE(times.ms(times.up(ms)), ms);
    EXPECT_LT(times.ms(times.up(ms)), ms + 100);
  }
  EXPECT_EQ(times.down(INT64_MIN / 2), 1U);
  EXPECT_EQ(times.down(INT64_MAX / 2), UINT32_MAX);
}

}  // namespace
}  // namespace bonedry::session
