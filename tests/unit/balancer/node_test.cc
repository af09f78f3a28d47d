#include "balancer/node.h"

#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

#include <array>
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

TEST_F(NodeTest, ThirdFailedConnectInARowMarksIt) {
  EXPECT_FALSE(alice.note_connect_failure(3, kHold, kNow));
  EXPECT_FALSE(alice.note_connect_failure(3, kHold, kNow));
  EXPECT_FALSE(alice.down(kNow));
  EXPECT_TRUE(alice.note_connect_failure(3, kHold, kNow));
  EXPECT_TRUE(alice.marked(kNow));
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
  EXPECT_TRUE(alice.marked(kNow + kHold - Millis{1}));
  EXPECT_FALSE(alice.marked(kNow + kHold));
  EXPECT_TRUE(alice.note_connect_failure(2, kHold, kNow + kHold));
  EXPECT_TRUE(alice.marked(kNow + kHold));
}

TEST_F(NodeTest, AGoodConnectBreaksTheRowAndTakesTheMarkAway) {
  alice.note_connect_failure(2, kHold, kNow);
  alice.note_connect_success();
  EXPECT_FALSE(alice.note_connect_failure(2, kHold, kNow));
  EXPECT_TRUE(alice.note_connect_failure(2, kHold, kNow));
  alice.note_connect_success();
  EXPECT_FALSE(alice.marked(kNow));
}

TEST_F(NodeTest, ThresholdOfNoneNeverMarks) {
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(alice.note_connect_failure(0, kHold, kNow));
  EXPECT_FALSE(alice.marked(kNow));
}

TEST_F(NodeTest, DownByACheckNeedsNoMark) {
  alice.set_health(Health::down);
  EXPECT_TRUE(alice.down(kNow));
  EXPECT_FALSE(alice.marked(kNow));
  alice.set_health(Health::up);
  EXPECT_FALSE(alice.down(kNow));
}

TEST_F(NodeTest, ItsLoadIsLivePendingAndArriving) {
  counts.live = 3;
  counts.pending = 2;
  ASSERT_TRUE(alice.book_place(0));
  EXPECT_EQ(alice.session_load(), 6);
  alice.release_place();
  EXPECT_EQ(alice.session_load(), 5);
}

TEST_F(NodeTest, PlacesEndAtMaxSessions) {
  counts.live = 1;
  counts.pending = 1;
  EXPECT_TRUE(alice.book_place(3));
  EXPECT_FALSE(alice.book_place(3));
  EXPECT_EQ(alice.session_load(), 3);
  alice.release_place();
  EXPECT_TRUE(alice.book_place(3));
}

TEST_F(NodeTest, MaxSessionsOfNoneIsNoLimit) {
  counts.live = 1'000'000;
  EXPECT_TRUE(alice.book_place(0));
}

TEST_F(NodeTest, TwoThreadsThatBookPlacesNeverOvershoot) {
  constexpr std::uint64_t kMost = 1000;
  constexpr int kAttempts = 3000;
  counts.live = 400;
  std::array<std::uint64_t, 2> booked{};
  const auto book = [this, &booked](std::size_t who) {
    for (int i = 0; i < kAttempts; ++i) {
      if (alice.book_place(kMost)) ++booked[who];
      EXPECT_LE(counts.live + static_cast<std::int64_t>(booked[who]),
                static_cast<std::int64_t>(kMost));
    }
  };
  std::thread other(book, 1);
  book(0);
  other.join();
  EXPECT_EQ(400 + booked[0] + booked[1], kMost);
  EXPECT_EQ(alice.session_load(), static_cast<std::int64_t>(kMost));
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
