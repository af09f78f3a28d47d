#include "balancer/node.h"

#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <thread>

namespace bonedry::balancer {
namespace {

using test::kNow;

constexpr Millis kHold{10'000};

class NodeTest : public testing::Test {
 protected:
  SessionCounts counts;
  Node alice{"shop", "alice", counts};
};

TEST_F(NodeTest, ItsKeyNamesPoolAndNode) {
  EXPECT_EQ(alice.pool(), "shop");
  EXPECT_EQ(alice.name(), "alice");
  EXPECT_EQ(alice.key(), "shop/alice");
}

TEST(SessionCountsTest, EachFigureComesAndGoesByItself) {
  SessionCounts counts;
  counts.add_pending();
  counts.add_pending();
  counts.add_live();
  EXPECT_EQ(counts.read().live, 1);
  EXPECT_EQ(counts.read().pending, 2);
  counts.pending_to_live();
  EXPECT_EQ(counts.read().live, 2);
  EXPECT_EQ(counts.read().pending, 1);
  counts.take_live();
  counts.take_pending();
  EXPECT_EQ(counts.read().live, 1);
  EXPECT_EQ(counts.read().pending, 0);
  EXPECT_EQ(counts.read().all(), 1);
}

TEST(SessionCountsTest, TakingAllSaysHowManyTheyWere) {
  SessionCounts counts;
  counts.add_pending();
  counts.add_live();
  counts.add_live();
  const SessionCounts::Values taken = counts.take_all();
  EXPECT_EQ(taken.live, 2);
  EXPECT_EQ(taken.pending, 1);
  EXPECT_EQ(counts.read().all(), 0);
}

TEST(SessionCountsTest, AUserWhoTurnsLiveIsNeverSeenAsNobody) {
  SessionCounts counts;
  counts.add_pending();
  std::atomic<bool> over{false};
  std::thread user([&counts, &over] {
    for (int i = 0; i < 200'000; ++i) {
      counts.pending_to_live();
      counts.add_pending();  // the next session begins before this one ends
      counts.take_live();
    }
    over = true;
  });
  std::int64_t fewest = 1;
  while (!over) fewest = std::min(fewest, counts.read().all());
  user.join();
  EXPECT_EQ(fewest, 1);
}

TEST_F(NodeTest, ThirdFailedConnectInARowMarksIt) {
  EXPECT_FALSE(alice.note_connect_failure(3, kHold, kNow));
  EXPECT_FALSE(alice.note_connect_failure(3, kHold, kNow));
  EXPECT_FALSE(alice.down(kNow));
  EXPECT_TRUE(alice.note_connect_failure(3, kHold, kNow));
  EXPECT_TRUE(alice.passively_down(kNow));
  EXPECT_TRUE(alice.down(kNow));
}

TEST_F(NodeTest, AMarkIsReportedOnceHoweverManyConnectsFail) {
  ASSERT_TRUE(alice.note_connect_failure(1, kHold, kNow));
  EXPECT_FALSE(alice.note_connect_failure(1, kHold, kNow));
  EXPECT_FALSE(alice.note_connect_failure(1, kHold, kNow + Millis{9'999}));
}

TEST_F(NodeTest, AMarkEndsByItselfAndOneMoreFailureMakesItAgain) {
  alice.note_connect_failure(2, kHold, kNow);
  alice.note_connect_failure(2, kHold, kNow);
  EXPECT_TRUE(alice.passively_down(kNow + kHold - Millis{1}));
  EXPECT_FALSE(alice.passively_down(kNow + kHold));
  EXPECT_TRUE(alice.note_connect_failure(2, kHold, kNow + kHold));
  EXPECT_TRUE(alice.passively_down(kNow + kHold));
}

TEST_F(NodeTest, AGoodConnectBreaksTheRowAndTakesTheMarkAway) {
  alice.note_connect_failure(2, kHold, kNow);
  alice.note_connect_success();
  EXPECT_FALSE(alice.note_connect_failure(2, kHold, kNow));
  EXPECT_TRUE(alice.note_connect_failure(2, kHold, kNow));
  alice.note_connect_success();
  EXPECT_FALSE(alice.passively_down(kNow));
}

TEST_F(NodeTest, ThresholdOfNoneNeverMarks) {
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(alice.note_connect_failure(0, kHold, kNow));
  EXPECT_FALSE(alice.passively_down(kNow));
}

TEST_F(NodeTest, DownByACheckNeedsNoMark) {
  alice.set_health(Health::down);
  EXPECT_TRUE(alice.down(kNow));
  EXPECT_FALSE(alice.passively_down(kNow));
  alice.set_health(Health::up);
  EXPECT_FALSE(alice.down(kNow));
}

TEST_F(NodeTest, ItsLoadIsLivePendingAndArriving) {
  test::set_live(counts, 3);
  test::set_pending(counts, 2);
  ASSERT_TRUE(alice.reserve_session(0));
  EXPECT_EQ(alice.session_load(), 6);
  alice.cancel_reservation();
  EXPECT_EQ(alice.session_load(), 5);
}

TEST_F(NodeTest, PlacesEndAtMaxSessions) {
  test::set_live(counts, 1);
  test::set_pending(counts, 1);
  EXPECT_TRUE(alice.reserve_session(3));
  EXPECT_FALSE(alice.reserve_session(3));
  EXPECT_EQ(alice.session_load(), 3);
  alice.cancel_reservation();
  EXPECT_TRUE(alice.reserve_session(3));
}

TEST_F(NodeTest, MaxSessionsOfNoneIsNoLimit) {
  test::set_live(counts, 1'000'000);
  EXPECT_TRUE(alice.reserve_session(0));
}

TEST_F(NodeTest, TwoThreadsThatBookAndReleasePlacesNeverOvershoot) {
  constexpr std::int64_t kMax = 1000;
  test::set_live(counts, 400);
  std::atomic<std::int64_t> taken{400};
  std::atomic<int> overshoots{0};
  const auto come_and_go = [this, &taken, &overshoots] {
    for (int i = 0; i < 20'000; ++i) {
      if (!alice.reserve_session(kMax)) continue;
      if (taken.fetch_add(1) + 1 > kMax) ++overshoots;
      if (i % 10 != 0) continue;
      taken.fetch_sub(1);
      alice.cancel_reservation();
    }
  };
  std::thread other(come_and_go);
  come_and_go();
  other.join();
  EXPECT_EQ(overshoots, 0);
  // Places that seemed taken by mistake can still be reserved.
  while (alice.reserve_session(kMax)) ++taken;
  EXPECT_EQ(taken, kMax);
  EXPECT_EQ(alice.session_load(), kMax);
}

TEST_F(NodeTest, OfTwoThreadsThatAskForTheLastConnectionOneGetsIt) {
  constexpr int kRounds = 20'000;
  std::barrier both(2);
  std::atomic<int> taken{0};
  const auto ask = [&] {
    for (int round = 0; round < kRounds; ++round) {
      both.arrive_and_wait();
      const bool mine = alice.acquire_connection(1);
      if (mine) ++taken;
      both.arrive_and_wait();
      if (mine) alice.release_connection();
    }
  };
  std::thread other(ask);
  ask();
  other.join();
  EXPECT_EQ(taken, kRounds);
}

TEST_F(NodeTest, ExchangesAreCountedWhileOpenAndTheLastOnesEndIsNoted) {
  EXPECT_EQ(alice.last_exchange().ms, 0);
  alice.open_exchange();
  alice.open_exchange();
  EXPECT_EQ(alice.exchanges_open(), 2);
  EXPECT_EQ(alice.last_exchange().ms, 0);
  alice.close_exchange(kNow);
  EXPECT_EQ(alice.exchanges_open(), 1);
  alice.close_exchange(kNow + Millis{5});
  EXPECT_EQ(alice.exchanges_open(), 0);
  EXPECT_EQ(alice.last_exchange(), kNow + Millis{5});
}

}  // namespace
}  // namespace bonedry::balancer
