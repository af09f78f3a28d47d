#include "session/mapped_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace bonedry::session {
namespace {

using test::hours;
using test::key_of;
using test::minutes;
using test::seconds;

class LedgerSweepTest : public test::LedgerTest {
 protected:
  [[nodiscard]] std::int64_t live_on(NodeSlot slot) const {
    return ledger.counts(slot).read().live;
  }
};

TEST_F(LedgerSweepTest, OverAnHourEverySessionIsGoneWithinASecondOfItsTimeAndNoneEarlier) {
  // Users arrive and click at irregular times; one turn of the timer wheel takes seven minutes.
  std::mt19937 random(20'241'123);
  std::map<std::uint64_t, Instant> due;  // by user
  std::uint64_t next = 0;
  const Instant over = now + hours{1};
  while (now < over) {
    pass(Millis{50 + random() % 100});
    if (random() % 20 == 0 && due.size() < 900) {
      add_live(next, alice);
      due[next++] = now + kIdle;
    }
    if (random() % 20 == 0 && !due.empty()) {
      auto one = due.lower_bound(random() % next);
      if (one == due.end()) one = due.begin();
      if (now < one->second) {
        ASSERT_TRUE(click(one->first)) << one->first;
        one->second = now + kIdle;
      }
    }
    std::int64_t surely_there = 0;
    std::int64_t perhaps_there = 0;
    for (auto one = due.begin(); one != due.end();) {
      if (now < one->second) ++surely_there;
      if (now < one->second + seconds{1}) {
        ++perhaps_there;
        ++one;
      } else {
        one = due.erase(one);
      }
    }
    ASSERT_GE(live_on(alice), surely_there) << "a session ended early";
    ASSERT_LE(live_on(alice), perhaps_there) << "a session is counted too long";
  }
  EXPECT_GT(next, 500U);
  pass(kIdle + seconds{1});
  EXPECT_EQ(on(alice), "0 live, 0 pending");
}

TEST_F(LedgerSweepTest, TimesAroundTheRoundsOfTheWheelAreKept) {
  constexpr Millis kRound{409'600};
  for (const Millis idle : {kRound - Millis{100}, kRound, kRound + Millis{100}, 2 * kRound,
                            3 * kRound - Millis{1}, Millis{1}, Millis{99}, Millis{100}}) {
    ledger.set_times(alice, {idle, idle, hours{100}});
    add_live(1, alice);
    const Instant due = now + idle;
    while (now + seconds{1} < due) pass(seconds{1});
    pass(due - now - Millis{1});
    EXPECT_EQ(live_on(alice), 1) << idle.count();
    pass(seconds{1});
    EXPECT_EQ(live_on(alice), 0) << idle.count();
  }
}

TEST_F(LedgerSweepTest, ADayWithoutASweepIsMadeUpForInOneGo) {
  for (std::uint64_t i = 0; i < 900; ++i) add_live(i, alice);
  pass(hours{24});
  EXPECT_EQ(on(alice), "0 live, 0 pending");
  add_live(1000, alice);
  pass(kIdle - Millis{1});
  EXPECT_EQ(live_on(alice), 1) << "and the wheel turns rightly afterwards";
  pass(seconds{1});
  EXPECT_EQ(live_on(alice), 0);
}

TEST_F(LedgerSweepTest, WhoComesWhileTheSweepLagsBehindKeepsTheWholeTime) {
  now = now + hours{3};  // without a sweep so far
  add_live(1, alice);
  pass(kIdle - Millis{1});
  EXPECT_EQ(live_on(alice), 1);
  pass(seconds{1});
  EXPECT_EQ(live_on(alice), 0);
}

TEST_F(LedgerSweepTest, OneCallDoesABoundedPieceAndSaysThatThereIsMore) {
  constexpr std::uint64_t kMany = 5000;
  MappedLedger large(2 * kMany, now);
  const NodeSlot slot = large.slot_of("shop/alice");
  large.set_times(slot, {kIdle, kPending, kLifetime});
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const SessionKey one_shard{0, i};
    large.close(large.begin(one_shard, 1, slot, SessionState::live, now, now).ref, now);
  }
  now = now + kIdle + kSlack;
  EXPECT_TRUE(large.sweep(now));
  const std::int64_t left = large.counts(slot).read().live;
  EXPECT_GT(left, 0);
  EXPECT_LT(left, static_cast<std::int64_t>(kMany));
  int rounds = 1;
  while (large.sweep(now)) ++rounds;
  EXPECT_LT(rounds, 50);
  EXPECT_EQ(large.totals().sessions, 0U);
}

TEST_F(LedgerSweepTest, ShorterTimesCountForThoseWhoAreThere) {
  add_live(1, alice);
  add_live(2, bob);
  pass(minutes{5});
  ledger.set_times(alice, {minutes{6}, minutes{6}, kLifetime});
  pass(minutes{1} - Millis{1});
  EXPECT_EQ(live_on(alice), 1);
  pass(seconds{1});
  EXPECT_EQ(live_on(alice), 0);
  EXPECT_EQ(live_on(bob), 1) << "another node keeps its own";
}

TEST_F(LedgerSweepTest, TimesThatAreShorterThanSomebodyHasIdledEndHimAtOnce) {
  add_live(1, alice);
  pass(minutes{5});
  ledger.set_times(alice, {minutes{1}, minutes{1}, kLifetime});
  pass(kSlack);
  EXPECT_EQ(live_on(alice), 0);
}

TEST_F(LedgerSweepTest, LongerTimesCountForThoseWhoAreThere) {
  add_live(1, alice);
  pass(minutes{5});
  ledger.set_times(alice, {hours{2}, hours{2}, kLifetime});
  pass(minutes{115} - Millis{1});
  EXPECT_EQ(live_on(alice), 1);
  pass(seconds{1});
  EXPECT_EQ(live_on(alice), 0);
}

TEST_F(LedgerSweepTest, AShorterLifetimeCountsToo) {
  add_live(1, alice);
  ledger.set_times(alice, {kIdle, kPending, minutes{15}});
  pass(minutes{10});
  ASSERT_TRUE(click(1));
  pass(minutes{5} - Millis{1});
  EXPECT_EQ(live_on(alice), 1);
  pass(seconds{1});
  EXPECT_EQ(live_on(alice), 0);
}

TEST_F(LedgerSweepTest, PlacesOfEndedSessionsAreUsedAgain) {
  // A hundred generations of sessions in a ledger for a thousand, without evictions.
  for (int generation = 0; generation < 100; ++generation) {
    for (std::uint64_t i = 0; i < 900; ++i) visit_first(i, alice);
    ASSERT_EQ(on(alice), "0 live, 900 pending");
    pass(kPending + kSlack);
    ASSERT_EQ(on(alice), "0 live, 0 pending");
  }
  EXPECT_EQ(ledger.totals().evicted, 0U);
}

// A process that was stopped, or a machine that slept: what its users sent meanwhile waits in its
// sockets when it continues.
class StoppedLedgerTest : public LedgerSweepTest {
 protected:
  StoppedLedgerTest() { ledger.start_sweeping(now); }

  /// Runs the main thread's ticks as usual.
  void run(Millis by) {
    for (const Instant until = now + by; now < until;) pass(Millis{100});
  }
};

TEST_F(StoppedLedgerTest, WhoCameWhileItWasStoppedIsServedBeforeTheSweep) {
  add_live(1, alice);
  add_live(2, alice);
  run(minutes{5});
  now = now + hours{1};
  EXPECT_TRUE(click(1)) << "a worker goes on first";
  run(seconds{1});
  EXPECT_EQ(live_on(alice), 2);
  EXPECT_TRUE(click(2)) << "many had to be read first";
  run(minutes{19});
  EXPECT_EQ(live_on(alice), 2);
  run(minutes{2});
  EXPECT_EQ(live_on(alice), 0);
}

TEST_F(StoppedLedgerTest, WhoDidNotIsGoneSoonAfter) {
  add_live(1, alice);
  run(minutes{5});
  pass(hours{1});
  run(seconds{1});
  EXPECT_EQ(live_on(alice), 1);
  run(Millis{1'200});
  EXPECT_EQ(live_on(alice), 0);
  EXPECT_FALSE(click(1));
}

TEST_F(StoppedLedgerTest, StoppedAgainAtOnceItWaitsAgain) {
  add_live(1, alice);
  run(minutes{5});
  for (int stops = 0; stops < 5; ++stops) {
    pass(hours{1});
    run(seconds{1});
    EXPECT_EQ(live_on(alice), 1);
  }
  EXPECT_TRUE(click(1));
}

TEST_F(StoppedLedgerTest, UnstoppedNobodyStaysLonger) {
  add_live(1, alice);
  run(kIdle);
  EXPECT_FALSE(click(1));
  run(kSlack);
  EXPECT_EQ(live_on(alice), 0);
}

}  // namespace
}  // namespace bonedry::session
