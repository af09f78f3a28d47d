#include "session/mapped_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace bonedry::session {
namespace {

using test::key_of;
using test::minutes;
using test::seconds;

constexpr std::size_t kPlaces = 10;

/// A ledger for ten sessions.
class LedgerFullTest : public test::LedgerTest {
 protected:
  LedgerFullTest() : test::LedgerTest(kPlaces) {}

  /// Looks without opening the session: that would change which one is the oldest.
  bool there(std::uint64_t number) {
    for (const NodeSlot slot : {alice, bob}) {
      for (const SessionInfo& info : list(slot, 1000)) {
        if (info.key == key_of(number)) return true;
      }
    }
    return false;
  }
  [[nodiscard]] std::uint64_t evicted() const { return ledger.totals().evicted; }
};

TEST_F(LedgerFullTest, ItKeepsAsManyAsItIsToldAndSaysSo) {
  EXPECT_EQ(ledger.totals().capacity, kPlaces);
  for (std::uint64_t i = 0; i < kPlaces; ++i) add_live(i, alice);
  EXPECT_EQ(sessions(), kPlaces);
  EXPECT_EQ(evicted(), 0U);
  add_live(kPlaces, alice);
  EXPECT_EQ(sessions(), kPlaces);
  EXPECT_EQ(evicted(), 1U);
  EXPECT_EQ(on(alice), "10 live, 0 pending");
}

TEST_F(LedgerFullTest, TheOldestPendingMakesRoomFirst) {
  add_live(1, alice);
  pass(seconds{1});
  visit_first(2, alice);
  pass(seconds{1});
  visit_first(3, bob);
  for (std::uint64_t i = 4; i <= kPlaces; ++i) add_live(i, bob);
  EXPECT_EQ(on(alice), "1 live, 1 pending");

  add_live(100, bob);
  EXPECT_FALSE(there(2));
  EXPECT_EQ(on(alice), "1 live, 0 pending");
  add_live(101, bob);
  EXPECT_FALSE(there(3));
  EXPECT_EQ(on(bob), "9 live, 0 pending");
  EXPECT_TRUE(there(1));
  EXPECT_EQ(evicted(), 2U);
}

TEST_F(LedgerFullTest, ACrawlerCannotPushOutUsers) {
  for (std::uint64_t i = 0; i < 5; ++i) add_live(i, alice);
  for (std::uint64_t i = 100; i < 1100; ++i) {
    visit_first(i, bob);
    pass(Millis{50});
  }
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_TRUE(there(i)) << i;
  EXPECT_EQ(on(alice), "5 live, 0 pending");
  EXPECT_EQ(on(bob), "0 live, 5 pending");
  EXPECT_EQ(evicted(), 995U);
}

TEST_F(LedgerFullTest, WithoutPendingOnesTheLiveOneNearestToItsEndMakesRoom) {
  for (std::uint64_t i = 0; i < kPlaces; ++i) {
    add_live(i, alice);
    pass(seconds{10});
  }
  add_live(100, bob);
  EXPECT_FALSE(there(0));
  for (std::uint64_t i = 1; i < kPlaces; ++i) EXPECT_TRUE(there(i)) << i;
  EXPECT_EQ(evicted(), 1U);
}

TEST_F(LedgerFullTest, WhoHasJustClickedIsNotTheOneWhoMakesRoom) {
  for (std::uint64_t i = 0; i < kPlaces; ++i) {
    add_live(i, alice);
    pass(seconds{10});
  }
  ASSERT_TRUE(click(0));  // the first to arrive, and the last to click
  add_live(100, bob);
  EXPECT_TRUE(there(0));
  EXPECT_FALSE(there(1));
}

TEST_F(LedgerFullTest, ANearLifetimeIsANearEnd) {
  for (std::uint64_t i = 0; i < kPlaces - 1; ++i) add_live(i, alice);
  const Instant long_ago = now - kLifetime + minutes{1};
  ledger.close(ledger.begin(key_of(50), kCheck, alice, SessionState::live, long_ago, now).ref, now);
  add_live(100, bob);
  EXPECT_FALSE(there(50));
  EXPECT_EQ(evicted(), 1U);
}

TEST_F(LedgerFullTest, NobodyIsEvictedWhoseExchangeIsOpen) {
  std::vector<OpenedSession> held;
  for (std::uint64_t i = 0; i < kPlaces - 1; ++i) held.push_back(begin(i, alice));
  add_live(50, bob);
  add_live(100, bob);
  EXPECT_FALSE(there(50)) << "the only one that could go";
  EXPECT_EQ(on(alice), "0 live, 9 pending");
  for (const OpenedSession& session : held) close(session);
}

TEST_F(LedgerFullTest, WhenAllAreHeldItGrowsRatherThanThrowOneOut) {
  std::vector<OpenedSession> held;
  for (std::uint64_t i = 0; i < 3 * kPlaces; ++i) {
    held.push_back(begin(i, alice, i % 2 == 0 ? SessionState::live : SessionState::pending));
  }
  EXPECT_EQ(sessions(), 3 * kPlaces);
  EXPECT_EQ(evicted(), 0U);
  EXPECT_EQ(on(alice), "15 live, 15 pending");
  for (const OpenedSession& session : held) close(session);
}

TEST_F(LedgerFullTest, AfterItGrewItComesBackToItsCapacityAsSessionsCome) {
  std::vector<OpenedSession> held;
  for (std::uint64_t i = 0; i < 2 * kPlaces; ++i) held.push_back(begin(i, alice));
  for (const OpenedSession& session : held) close(session);
  for (std::uint64_t i = 100; i < 200; ++i) add_live(i, bob);
  EXPECT_LE(sessions(), kPlaces) << "only those that are held go beyond it";
  pass(kIdle + kSlack);
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(LedgerFullTest, ManyHeldPendingOnesDoNotHideOneThatCanGo) {
  MappedLedger larger(300, now);
  const NodeSlot slot = larger.slot_of("shop/alice");
  larger.set_times(slot, {kIdle, kPending, kLifetime});
  std::vector<SessionRef> held;
  for (std::uint64_t i = 0; i < 40; ++i) {
    held.push_back(larger.begin(key_of(i), 1, slot, SessionState::pending, now, now).ref);
  }
  for (std::uint64_t i = 40; i < 310; ++i) {
    larger.close(larger.begin(key_of(i), 1, slot, SessionState::pending, now, now).ref, now);
  }
  EXPECT_EQ(larger.totals().sessions, 300U);
  EXPECT_EQ(larger.totals().evicted, 10U);
  for (const SessionRef ref : held) larger.close(ref, now);
}

TEST_F(LedgerFullTest, DisplacedSessionsGoLikeAnyOther) {
  for (std::uint64_t i = 0; i < kPlaces; ++i) visit_first(i, alice);
  ledger.displace(alice);
  for (std::uint64_t i = 100; i < 105; ++i) add_live(i, bob);
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  EXPECT_EQ(on(bob), "5 live, 0 pending");
  EXPECT_EQ(sessions(), kPlaces);
  EXPECT_EQ(evicted(), 5U);
}

TEST_F(LedgerFullTest, TheEvictedAreNotFoundAgain) {
  for (std::uint64_t i = 0; i < 2 * kPlaces; ++i) visit_first(i, alice);
  EXPECT_FALSE(open(0));
  EXPECT_TRUE(open(2 * kPlaces - 1));
}

TEST_F(LedgerFullTest, ItKnowsWhenEachNodeLastLostASession) {
  EXPECT_EQ(ledger.last_eviction(alice), std::nullopt);
  for (std::uint64_t i = 0; i < kPlaces; ++i) visit_first(i, alice);
  pass(seconds{5});
  add_live(100, bob);
  EXPECT_EQ(ledger.last_eviction(alice), now);
  EXPECT_EQ(ledger.last_eviction(bob), std::nullopt) << "bob lost nobody";
  const Instant first = now;
  pass(seconds{5});
  EXPECT_EQ(ledger.last_eviction(alice), first);
  add_live(101, bob);
  EXPECT_EQ(ledger.last_eviction(alice), now);
}

TEST_F(LedgerFullTest, SessionsThatRunOutAreNotEvicted) {
  for (std::uint64_t i = 0; i < kPlaces; ++i) visit_first(i, alice);
  pass(kPending + kSlack);
  add_live(100, bob);
  EXPECT_EQ(ledger.last_eviction(alice), std::nullopt);
  EXPECT_EQ(evicted(), 0U);
}

TEST(LedgerCapacityTest, ItIsNeverExceededAtAnySize) {
  const Instant now{1'000'000};
  // Sizes around the limits where the ledger uses more shards.
  for (const std::size_t capacity : {1U, 2U, 1023U, 1024U, 2047U, 2048U, 2049U, 4097U, 5000U}) {
    MappedLedger ledger(capacity, now);
    const NodeSlot slot = ledger.slot_of("shop/alice");
    ledger.set_times(slot, {minutes{20}, minutes{20}, minutes{20}});
    for (std::uint64_t i = 0; i < 2 * capacity + 10; ++i) {
      ledger.close(ledger.begin(key_of(i), 1, slot, SessionState::live, now, now).ref, now);
    }
    const Ledger::Totals totals = ledger.totals();
    EXPECT_EQ(totals.capacity, capacity);
    EXPECT_LE(totals.sessions, capacity);
    EXPECT_EQ(totals.sessions + totals.evicted, 2 * capacity + 10);
    EXPECT_EQ(ledger.counts(slot).read().live, static_cast<std::int64_t>(totals.sessions));
  }
}

TEST(LedgerCapacityTest, RandomKeysUseNearlyAllOfIt) {
  const Instant now{1'000'000};
  constexpr std::size_t kMany = 65'536;
  MappedLedger ledger(kMany, now);
  const NodeSlot slot = ledger.slot_of("shop/alice");
  ledger.set_times(slot, {minutes{20}, minutes{20}, minutes{20}});
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < kMany; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const SessionKey key{state ^ (state >> 29U), i};
    ledger.close(ledger.begin(key, 1, slot, SessionState::live, now, now).ref, now);
  }
  EXPECT_GE(ledger.totals().sessions, kMany * 97 / 100);
}

}  // namespace
}  // namespace bonedry::session
