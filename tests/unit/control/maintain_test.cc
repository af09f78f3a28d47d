#include "admin/control_plane.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

namespace bonedry::admin {
namespace {

using test::hours;
using test::minutes;
using test::NodeState;
using test::seconds;

class MaintainTest : public test::ControlTest {
 protected:
  void dry_out(const std::string& key) {
    bleed(key);
    settle();
    ASSERT_TRUE(dry(key));
  }
};

// -- Taking nodes out of rotation -----------------------------------------------------------------

TEST_F(MaintainTest, ADryNodeGoesIntoMaintenance) {
  dry_out("shop/alice");
  EXPECT_EQ(maintain("shop/alice"), "shop/alice is in maintenance");
  EXPECT_EQ(door("shop/alice"), "maintenance, shut");
  EXPECT_EQ(written().at("shop/alice"_node).state, NodeState::maintenance);
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(events_of("maintain"), "shop/alice: in maintenance by root");
}

TEST_F(MaintainTest, AnActiveNodeDoesNotWithoutForce) {
  EXPECT_EQ(maintain("shop/alice"),
            "error: shop/alice is not dry: it is active; --force overrides");
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_TRUE(publisher.published.empty());
}

TEST_F(MaintainTest, ABleedingNodeThatIsNotDryDoesNotAndTheReasonsAreNamed) {
  add_user("shop/alice", 1);
  add_crawler("shop/alice", 2);
  bleed("shop/alice");
  settle();
  EXPECT_EQ(maintain("shop/alice"),
            "error: shop/alice is not dry: 1 live session, 1 pending session; --force overrides");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(MaintainTest, ForceTakesTheSessionsOffAndIsRecorded) {
  add_user("shop/alice", 1);
  const std::string answer = maintain("shop/alice", Force::yes);
  EXPECT_EQ(answer, "shop/alice is in maintenance [forced: shop/alice is not dry: it is active]");
  EXPECT_EQ(door("shop/alice"), "maintenance, shut, displaced");
  EXPECT_EQ(status("shop/alice").live, 0);
  EXPECT_TRUE(click(1)->displaced);
  EXPECT_EQ(events_of("displace"),
            "shop/alice: maintenance was forced: 1 session will be moved at their next request");
  EXPECT_NE(events_of("maintain").find("[forced: "), std::string::npos);
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(MaintainTest, ForcedItIsDryOnlyWhenItsLastExchangeIsOver) {
  view("shop/alice").node->open_exchange();
  maintain("shop/alice", Force::yes);
  settle();
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(blocked("shop/alice"), "1 open exchange");
  view("shop/alice").node->close_exchange(clock.now());
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(MaintainTest, SessionsAreTakenOffOnlyAfterAllWorkersHaveShutTheDoor) {
  add_user("shop/alice", 1);
  control->maintain("shop/alice"_node, Force::yes, {"root"}, note_answer());
  EXPECT_EQ(door("shop/alice"), "maintenance, shut, displaced");
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_TRUE(answers.empty());
  publisher.acknowledge();
  EXPECT_EQ(status("shop/alice").live, 0);
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(MaintainTest, TheLastActiveNodesAreGuardedHereToo) {
  dry_out("shop/alice");
  dry_out("shop/bob");
  view("shop/carol").node->set_health(balancer::Health::down);
  const std::string answer = maintain("shop/alice");
  EXPECT_EQ(answer,
            "error: without alice pool shop would have 0 active, healthy nodes; min_active is 1"
            "; --force overrides");
  EXPECT_EQ(maintain("shop/alice", Force::yes).substr(0, 28), "shop/alice is in maintenance");
  EXPECT_FALSE(view("shop/alice").displaced) << "it was dry: there was nobody to take off";
}

TEST_F(MaintainTest, MaintenanceTwiceIsMaintenanceOnce) {
  dry_out("shop/alice");
  maintain("shop/alice");
  const std::size_t published = publisher.published.size();
  EXPECT_EQ(maintain("shop/alice"), "shop/alice is in maintenance already");
  EXPECT_EQ(publisher.published.size(), published);
}

TEST_F(MaintainTest, MaintenanceSurvivesARestart) {
  dry_out("shop/alice");
  maintain("shop/alice");
  maintain("shop/bob", Force::yes);
  restart();
  EXPECT_EQ(door("shop/alice"), "maintenance, shut");
  EXPECT_EQ(door("shop/bob"), "maintenance, shut, displaced");
}

TEST_F(MaintainTest, ADiskThatRefusesRefusesItAndNobodyIsTakenOff) {
  add_user("shop/alice", 1);
  break_disk();
  const std::string answer = maintain("shop/alice", Force::yes);
  EXPECT_NE(answer.find("no change was made"), std::string::npos) << answer;
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_FALSE(click(1)->displaced);
}

TEST_F(MaintainTest, AnActivationBeforeTheWorkersHeardOfForcedMaintenanceKeepsTheUsers) {
  add_user("shop/alice", 1);
  control->maintain("shop/alice"_node, Force::yes, {"root"}, note_answer());
  control->activate("shop/alice"_node, {"root"}, note_answer());
  publisher.acknowledge();
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_FALSE(click(1)->displaced);
}

TEST_F(MaintainTest, ABleedLeavesMaintenanceOnlyWhereItIsAskedTo) {
  dry_out("shop/alice");
  maintain("shop/alice");
  EXPECT_EQ(bleed("shop/alice"), "shop/alice is in maintenance already");
  EXPECT_EQ(bleed("shop/alice", {.from_maintenance = FromMaintenance::bleed}).substr(0, 22),
            "shop/alice is bleeding");
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  EXPECT_TRUE(dry("shop/alice")) << "nobody has come back";
  EXPECT_EQ(maintain("shop/alice"), "shop/alice is in maintenance") << "nothing is forced";
}

TEST_F(MaintainTest, ABleedAfterForcedMaintenanceLetsNobodyBackIn) {
  view("shop/alice").node->open_exchange();
  maintain("shop/alice", Force::yes);
  bleed("shop/alice", {.from_maintenance = FromMaintenance::bleed});
  EXPECT_EQ(door("shop/alice"), "bleeding, shut, displaced");
  EXPECT_FALSE(dry("shop/alice"));
  view("shop/alice").node->close_exchange(clock.now());
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(MaintainTest, EventsSayWhyANodeIsTakenOutAndPutBack) {
  control->maintain("shop/alice"_node, Force::yes, {"root", "disk"}, note_answer());
  publisher.acknowledge();
  EXPECT_NE(events_of("maintain").find("by root, reason: disk"), std::string::npos);
  EXPECT_EQ(written().at("shop/alice"_node).reason, "disk");
  control->activate("shop/alice"_node, {"root", "a new disk"}, note_answer());
  publisher.acknowledge();
  EXPECT_NE(events_of("activate").find("by root, reason: a new disk"), std::string::npos);
}

// -- Putting them back ----------------------------------------------------------------------------

TEST_F(MaintainTest, AnActivatedNodeIsOpenAgain) {
  dry_out("shop/alice");
  maintain("shop/alice");
  EXPECT_EQ(activate("shop/alice"), "shop/alice is active");
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_FALSE(status("shop/alice").bleeding);
  EXPECT_TRUE(written().empty());
  EXPECT_EQ(events_of("activate"), "shop/alice: active by root");
}

TEST_F(MaintainTest, ActivatedTheNodeComesBackSlowly) {
  EXPECT_FALSE(view("shop/alice").slow_start_since) << "not at the start";
  dry_out("shop/alice");
  pass(hours{1});
  activate("shop/alice");
  EXPECT_EQ(view("shop/alice").slow_start_since, clock.now());
  EXPECT_FALSE(view("shop/bob").slow_start_since);
}

TEST_F(MaintainTest, ItComesBackSlowlyAfterABleedThatNeverBecameDryToo) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  settle();
  activate("shop/alice");
  EXPECT_EQ(view("shop/alice").slow_start_since, clock.now());
}

TEST_F(MaintainTest, ActivatingEndsAMaintenanceByForceAndWhoeverWasNotMovedStays) {
  add_user("shop/alice", 1);
  maintain("shop/alice", Force::yes);
  activate("shop/alice");
  EXPECT_EQ(door("shop/alice"), "active, open");
  const auto session = click(1);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->node, view("shop/alice").slot);
}

TEST_F(MaintainTest, AnActiveNodeIsActiveAlready) {
  EXPECT_EQ(activate("shop/alice"), "shop/alice is active already");
  EXPECT_TRUE(publisher.published.empty());
}

TEST_F(MaintainTest, ANodeOfWeightZeroCannotBeActivated) {
  shop().nodes[0].weight = 0;
  start();
  EXPECT_EQ(activate("shop/alice"),
            "error: shop/alice has weight 0 in the config and stays bleeding");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(MaintainTest, AFailedActivationForgetsNoLookAtDrynessThatIsUnderWay) {
  bleed("shop/alice");
  control->tick();  // shuts the door, and waits for the workers
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  view("shop/alice").node->open_exchange();  // by a worker that does not know of it yet
  break_disk();
  control->activate("shop/alice"_node, {"root"}, note_answer());
  mend_disk();
  control->tick();
  EXPECT_EQ(answers.size(), 1U);
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  view("shop/alice").node->close_exchange(clock.now());
  control->tick();
  EXPECT_FALSE(dry("shop/alice")) << "the second look is still to come";
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(MaintainTest, ADoorThatWasShutOpensOnlyWhenAllWorkersKnowIt) {
  dry_out("shop/alice");
  control->activate("shop/alice"_node, {"root"}, note_answer());
  EXPECT_EQ(door("shop/alice"), "active, opening");
  publisher.acknowledge_once();
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_TRUE(answers.empty()) << "not all let new users in";
  publisher.acknowledge_once();
  EXPECT_EQ(answers, std::vector<std::string>{"shop/alice is active"});
}

TEST_F(MaintainTest, ABleedWhileTheDoorIsBeingOpenedLeavesItClosedToNewUsers) {
  dry_out("shop/alice");
  control->activate("shop/alice"_node, {"root"}, note_answer());
  bleed("shop/alice");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_NE(answers.front().find("taken out of rotation again"), std::string::npos);
}

TEST_F(MaintainTest, ANodeThatAReloadAddsOpensOnlyWhenAllWorkersKnowIt) {
  shop().nodes.push_back(node("dave"));
  control->reload(Force::no, "root", note_answer());
  EXPECT_EQ(door("shop/dave"), "active, opening");
  publisher.acknowledge_once();
  EXPECT_EQ(door("shop/dave"), "active, open");
  EXPECT_TRUE(answers.empty());
  publisher.acknowledge_once();
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(MaintainTest, AReloadThatReplacesAllNodesLeavesNoMomentWithoutOne) {
  shop().nodes = {node("dave"), node("erin")};
  control->reload(Force::no, "root", note_answer());
  EXPECT_EQ(door("shop/dave"), "active, opening");
  EXPECT_EQ(door("shop/alice"), "bleeding, open");
  EXPECT_EQ(view("shop/alice").weight, 100U);
  control->tick();
  EXPECT_EQ(door("shop/alice"), "bleeding, open") << "empty, but not yet looked at";
  publisher.acknowledge_once();
  EXPECT_EQ(door("shop/dave"), "active, open");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_TRUE(answers.empty());
  publisher.acknowledge_once();
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(MaintainTest, ANodeWithoutWeightIsNotActivatedAlthoughItsDoorIsStillOpen) {
  shop().nodes = {node("alice", 0), node("dave")};
  control->reload(Force::no, "root", note_answer());
  ASSERT_EQ(door("shop/alice"), "bleeding, open");
  control->activate("shop/alice"_node, {"root"}, note_answer());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_NE(answers.front().find("has weight 0 in the config"), std::string::npos)
      << answers.front();
}

TEST_F(MaintainTest, ABleedIsAnsweredOnlyWhenNobodyNewComesAlthoughAnotherNodeIsJustBeingOpened) {
  dry_out("shop/alice");
  force_bleed("shop/carol");
  control->activate("shop/alice"_node, {"root"}, note_answer());
  bleed_unacknowledged("shop/bob");
  EXPECT_EQ(door("shop/bob"), "bleeding, open");
  publisher.acknowledge_once();
  EXPECT_EQ(door("shop/bob"), "bleeding, sessions_only");
  EXPECT_TRUE(answers.empty()) << "a worker may still let somebody in";
  publisher.acknowledge();
  EXPECT_EQ(answers.size(), 2U);
}

TEST_F(MaintainTest, TheAnswerComesOnceAllWorkersRouteByIt) {
  dry_out("shop/alice");
  control->activate("shop/alice"_node, {"root"}, note_answer());
  EXPECT_TRUE(answers.empty());
  publisher.acknowledge();
  EXPECT_EQ(answers, std::vector<std::string>{"shop/alice is active"});
}

TEST_F(MaintainTest, ADiskThatRefusesRefusesTheActivationAndChangesNothing) {
  dry_out("shop/alice");
  maintain("shop/alice");
  const auto before = control->topology();
  break_disk();
  const std::string answer = activate("shop/alice");
  EXPECT_NE(answer.find("no change was made"), std::string::npos) << answer;
  EXPECT_EQ(control->topology(), before);
  mend_disk();
  EXPECT_EQ(written().at("shop/alice"_node).state, NodeState::maintenance);
  pass(minutes{1});
  bleed("shop/bob");  // publishes another topology
  EXPECT_EQ(door("shop/alice"), "maintenance, shut");
  EXPECT_FALSE(view("shop/alice").slow_start_since) << "it was never put back";
}

TEST_F(MaintainTest, ABleedAndAnActivationInOneBreathEndAsTheLastSays) {
  control->bleed("shop/alice"_node, {}, note_answer());
  control->activate("shop/alice"_node, {"root"}, note_answer());
  control->tick();
  publisher.acknowledge();
  settle();
  EXPECT_EQ(answers.size(), 2U) << "both are answered";
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(events_of("dry"), "");
}

}  // namespace
}  // namespace bonedry::admin
