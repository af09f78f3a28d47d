#include "balancer/admission.h"

#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

namespace bonedry::balancer {
namespace {

using test::HandmadePool;
using test::kNow;

constexpr Millis kMarked{10'000};

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() : alice(pool.add("alice")), bob(pool.add("bob")) {}

  [[nodiscard]] Admission now() const { return admission(pool.view, kNow); }

  HandmadePool pool;
  std::size_t alice;
  std::size_t bob;
};

TEST_F(AdmissionTest, OneNodeThatTakesNewUsersIsEnough) {
  EXPECT_EQ(now(), Admission::open);
  pool.close_door(alice, NodeState::bleeding, Door::sessions_only);
  EXPECT_EQ(now(), Admission::open);
  pool.close_door(alice, NodeState::active, Door::open);
  pool.node(bob).set_health(Health::down);
  EXPECT_EQ(now(), Admission::open);
}

TEST_F(AdmissionTest, NoOtherDoorIsOpenToNewUsers) {
  for (const Door door : {Door::sessions_only, Door::opening, Door::shut}) {
    pool.close_door(alice, NodeState::bleeding, door);
    pool.close_door(bob, NodeState::maintenance, Door::shut);
    EXPECT_EQ(now(), Admission::none_active);
  }
}

TEST_F(AdmissionTest, ANodeWithoutWeightIsNotActive) {
  pool[alice].weight = pool[bob].weight = 0;
  EXPECT_EQ(now(), Admission::none_active);
}

TEST_F(AdmissionTest, NodesThatAreDownByChecksOrMarksAreNotHealthy) {
  pool.node(alice).set_health(Health::down);
  ASSERT_TRUE(pool.node(bob).note_connect_failure(1, kMarked, kNow));
  EXPECT_EQ(now(), Admission::none_healthy);
  EXPECT_EQ(admission(pool.view, kNow + kMarked), Admission::open) << "the mark is over";
}

TEST_F(AdmissionTest, NodesThatWaitForTheirFirstCheckTakeNewUsers) {
  pool.view.config.health.active = true;
  EXPECT_EQ(now(), Admission::open);
}

TEST_F(AdmissionTest, AFullNodeIsNamedBeforeOneThatIsDown) {
  for (const std::size_t each : {alice, bob}) {
    pool[each].max_sessions = 2;
    pool.set_live(each, 1);
    pool.set_pending(each, 1);
  }
  EXPECT_EQ(now(), Admission::none_free);
  pool.node(alice).set_health(Health::down);
  EXPECT_EQ(now(), Admission::none_free);
  pool.node(bob).set_health(Health::down);
  EXPECT_EQ(now(), Admission::none_healthy);
  pool.node(bob).set_health(Health::up);
  pool.set_pending(bob, 0);
  EXPECT_EQ(now(), Admission::open);
}

TEST_F(AdmissionTest, AnEmptyPoolTakesNobody) {
  EXPECT_EQ(admission(PoolView{}, kNow), Admission::none_active);
}

}  // namespace
}  // namespace bonedry::balancer
