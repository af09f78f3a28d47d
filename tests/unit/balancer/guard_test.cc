#include "balancer/guard.h"

#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::balancer {
namespace {

using test::HandmadePool;
using test::kNow;

class GuardTest : public testing::Test {
 protected:
  GuardTest() : alice(pool.add("alice")), bob(pool.add("bob")) {}

  /// Why alice may not leave; empty if she may.
  [[nodiscard]] std::string objection() const {
    const Result<> outcome = check_guard(pool.view, "alice", kNow);
    return outcome ? "" : outcome.error();
  }

  HandmadePool pool;
  std::size_t alice;
  std::size_t bob;
};

TEST_F(GuardTest, ANodeMayLeaveWhenAnotherActiveOneIsLeft) {
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, TheLastActiveNodeMayNotLeave) {
  pool.close_door(bob, NodeState::bleeding, Door::sessions_only);
  EXPECT_EQ(objection(),
            "without alice pool shop would have 0 active, healthy nodes; min_active is 1");
}

TEST_F(GuardTest, MinActiveSaysHowManyMustRemain) {
  pool.view.config.min_active = 2;
  EXPECT_EQ(objection(),
            "without alice pool shop would have 1 active, healthy nodes; min_active is 2");
  pool.add("carol");
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, NodesInMaintenanceDoNotRemain) {
  pool.close_door(bob, NodeState::maintenance, Door::shut);
  EXPECT_NE(objection(), "");
}

TEST_F(GuardTest, NodesThatAreDownDoNotRemain) {
  pool.node(bob).set_health(Health::down);
  EXPECT_NE(objection(), "");
  pool.node(bob).set_health(Health::up);
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, NodesThatNothingMeasuresRemain) {
  pool.node(bob).set_health(Health::unknown);
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, ANodeWhoseFirstCheckIsNotOverRemainsOnlyWhileNoneIsKnownToBeUp) {
  pool.view.config.health.active = true;
  EXPECT_EQ(objection(), "") << "no result is in yet";
  pool.node(alice).set_health(Health::up);
  EXPECT_NE(objection(), "") << "bob may not be there";
  pool.node(bob).set_health(Health::up);
  EXPECT_EQ(objection(), "");
  pool.node(alice).set_health(Health::down);
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, AMarkedNodeDoesNotRemainUntilItsMarkIsPast) {
  ASSERT_TRUE(pool.node(bob).note_connect_failure(1, Millis{10'000}, kNow));
  EXPECT_NE(objection(), "");
  EXPECT_TRUE(check_guard(pool.view, "alice", kNow + Millis{10'000}));
}

TEST_F(GuardTest, MinActiveOfNoneLetsEverybodyGo) {
  pool.view.config.min_active = 0;
  pool.close_door(bob, NodeState::maintenance, Door::shut);
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, TheOthersMustHaveRoomForTheSessionsOfThePool) {
  pool[bob].max_sessions = 100;
  pool.set_live(alice, 40);
  pool.set_pending(alice, 20);
  pool.set_live(bob, 41);
  EXPECT_EQ(objection(),
            "without alice pool shop could hold 100 sessions (max_sessions), but it has 101");
  pool.set_live(bob, 40);
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, SessionsOfNodesThatBleedAlreadyNeedRoomToo) {
  const std::size_t carol = pool.add("carol");
  pool.close_door(carol, NodeState::bleeding, Door::sessions_only);
  pool[bob].max_sessions = 10;
  pool[carol].max_sessions = 1000;
  pool.set_live(carol, 11);
  EXPECT_EQ(objection(),
            "without alice pool shop could hold 10 sessions (max_sessions), but it has 11");
}

TEST_F(GuardTest, UsersWhoAreJustArrivingNeedRoomToo) {
  pool[bob].max_sessions = 1;
  pool.set_live(alice, 1);
  EXPECT_EQ(objection(), "");
  ASSERT_TRUE(pool.node(alice).reserve_session(0));
  EXPECT_NE(objection(), "");
  pool.node(alice).cancel_reservation();
  EXPECT_EQ(objection(), "");
}

TEST_F(GuardTest, OneNodeWithoutALimitHasRoomForAll) {
  const std::size_t carol = pool.add("carol");
  pool[bob].max_sessions = 1;
  pool[carol].max_sessions = 0;
  pool.set_live(alice, 1'000'000);
  EXPECT_EQ(objection(), "");
}

class GroupGuardTest : public GuardTest {
 protected:
  GroupGuardTest() {
    pool[alice].group = "blue";
    pool[bob].group = "green";
    pool.close_door(bob, NodeState::maintenance, Door::shut);
  }

  /// Why green may not serve the pool alone; empty if it may.
  [[nodiscard]] std::string objection() const {
    const Result<> outcome = check_group(pool.view, "green", kNow);
    return outcome ? "" : outcome.error();
  }
};

TEST_F(GroupGuardTest, ItsNodesCountWhateverTheirState) {
  EXPECT_EQ(objection(), "");
  pool.view.config.min_active = 2;
  EXPECT_EQ(objection(),
            "with group green alone pool shop would have 1 active, healthy nodes; min_active is 2");
  pool[pool.add("carol")].group = "green";
  EXPECT_EQ(objection(), "");
}

TEST_F(GroupGuardTest, NodesThatAreDownDoNotCount) {
  pool.node(bob).set_health(Health::down);
  EXPECT_NE(objection(), "");
}

TEST_F(GroupGuardTest, NodesThatWereNotCheckedYetCountWhileNoneOfThemWas) {
  pool.view.config.health.active = true;
  pool.node(alice).set_health(Health::up);
  EXPECT_EQ(objection(), "");
  pool.view.config.min_active = 2;
  const std::size_t carol = pool.add("carol");
  pool[carol].group = "green";
  EXPECT_EQ(objection(), "");
  pool.node(bob).set_health(Health::up);
  EXPECT_NE(objection(), "") << "carol may not be there";
}

TEST_F(GroupGuardTest, ItMustHaveRoomForTheSessionsOfThePool) {
  pool[bob].max_sessions = 100;
  pool.set_live(alice, 101);
  EXPECT_EQ(
      objection(),
      "with group green alone pool shop could hold 100 sessions (max_sessions), but it has 101");
  pool.set_live(alice, 100);
  EXPECT_EQ(objection(), "");
}

}  // namespace
}  // namespace bonedry::balancer
