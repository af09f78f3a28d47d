#include "balancer/picker.h"
#include "tests/unit/balancer/every_policy.h"
#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace bonedry::balancer {
namespace {

using conf::Balance;
using conf::Sticky;
using std::chrono::seconds;
using test::kNow;

constexpr Millis kSlowStart = seconds{100};

TEST(RampShareTest, ItGrowsFromTheFloorToTheWhole) {
  NodeView view;
  view.slow_start_since = kNow;
  EXPECT_DOUBLE_EQ(slow_start_share(view, kSlowStart, kNow), kSlowStartFloor);
  EXPECT_DOUBLE_EQ(slow_start_share(view, kSlowStart, kNow + seconds{1}), kSlowStartFloor);
  EXPECT_DOUBLE_EQ(slow_start_share(view, kSlowStart, kNow + seconds{25}), 0.25);
  EXPECT_DOUBLE_EQ(slow_start_share(view, kSlowStart, kNow + seconds{99}), 0.99);
  EXPECT_DOUBLE_EQ(slow_start_share(view, kSlowStart, kNow + seconds{100}), 1.0);
  EXPECT_DOUBLE_EQ(slow_start_share(view, kSlowStart, kNow + seconds{1000}), 1.0);
}

TEST(RampShareTest, ANodeThatWasNeverPutBackTakesItsFullShare) {
  EXPECT_DOUBLE_EQ(slow_start_share(NodeView{}, kSlowStart, kNow), 1.0);
}

TEST(RampShareTest, WithoutSlowStartThereIsNoRamp) {
  NodeView view;
  view.slow_start_since = kNow;
  EXPECT_DOUBLE_EQ(slow_start_share(view, Millis{0}, kNow), 1.0);
}

TEST(RampShareTest, AClockThatIsALittleBehindGetsTheFloor) {
  NodeView view;
  view.slow_start_since = kNow;
  EXPECT_DOUBLE_EQ(slow_start_share(view, kSlowStart, kNow - Millis{50}), kSlowStartFloor);
}

/// Alice has just come back without users into a pool whose other nodes are full of users.
class RampTest : public testing::TestWithParam<Balance> {
 protected:
  RampTest() : picker(GetParam(), Sticky::insert, 7) {
    pool.view.config.slow_start = kSlowStart;
    alice = pool.add("alice");
    bob = pool.add("bob");
    pool[alice].slow_start_since = kNow;
    pool.set_live(bob, 10'000);
  }

  /// Alice's share of 4000 picks.
  double share_at(Instant now) {
    int got = 0;
    for (int i = 0; i < 4000; ++i) {
      const std::size_t picked = picker.pick(pool.view, Purpose::new_session, {}, now).value();
      pool.node(picked).cancel_reservation();
      got += picked == alice ? 1 : 0;
    }
    return got / 4000.0;
  }

  test::HandmadePool pool;
  Picker picker;
  std::size_t alice;
  std::size_t bob;
};

INSTANTIATE_TEST_SUITE_P(All, RampTest, test::every_policy(), test::name_of_param);

TEST_P(RampTest, ItsShareIsNeverAboveTheRampHoweverEmptyItIs) {
  for (const int at : {0, 10, 25, 50, 75}) {
    const Instant now = kNow + seconds{at};
    EXPECT_LE(share_at(now), slow_start_share(pool[alice], kSlowStart, now) + 0.03) << at << " s";
  }
}

TEST_P(RampTest, ItIsTriedFromTheStart) {
  EXPECT_GT(share_at(kNow), 0.0);
}

TEST_P(RampTest, ItsShareGrows) {
  double before = 0;
  for (const int at : {0, 25, 50, 75}) {
    const double now = share_at(kNow + seconds{at});
    EXPECT_GT(now, before) << at << " s";
    before = now;
  }
}

TEST_P(RampTest, AfterwardsItIsANodeLikeAnyOther) {
  pool.set_live(bob, 0);
  EXPECT_NEAR(share_at(kNow + kSlowStart), 0.5, 0.05);
}

TEST_P(RampTest, ANodeOnItsRampTakesEverybodyWhenThereIsNoOther) {
  pool.close_door(bob, NodeState::bleeding, Door::sessions_only);
  EXPECT_DOUBLE_EQ(share_at(kNow), 1.0);
}

TEST_P(RampTest, ANodeOnItsRampComesBeforeAMarkedOne) {
  ASSERT_TRUE(pool.node(bob).note_connect_failure(1, Millis{10'000}, kNow));
  EXPECT_DOUBLE_EQ(share_at(kNow), 1.0);
}

TEST_P(RampTest, NodesThatComeBackTogetherShareAlike) {
  // Blue-green deployment: a whole group is activated while all others bleed.
  pool.set_live(bob, 0);
  pool[bob].slow_start_since = kNow;
  EXPECT_NEAR(share_at(kNow), 0.5, 0.05);
  EXPECT_NEAR(share_at(kNow + seconds{50}), 0.5, 0.05);
}

}  // namespace
}  // namespace bonedry::balancer
