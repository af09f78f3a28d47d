// After an upgrade another process makes the decisions, and this one routes accordingly.

#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>

namespace bonedry::admin::test {
namespace {

using testing::HasSubstr;

class HandoverTest : public ControlTest {
 protected:
  HandoverTest() { start(); }

  void follow(const NodeRecords& records, std::set<balancer::NodeId> shut = {},
              std::set<balancer::NodeId> opening = {}) {
    EXPECT_TRUE(control->apply_routing_state(config, records, {std::move(shut), std::move(opening)},
                                             [this] { ++followed; }));
  }

  int followed = 0;
};

TEST_F(HandoverTest, NothingIsDecidedHereAnyMore) {
  bleed("shop/bob");
  control->begin_standby();
  for (const std::string& answer :
       {bleed("shop/alice"), maintain("shop/alice", Force::yes), activate("shop/bob"), reload()}) {
    EXPECT_THAT(answer, HasSubstr("an upgrade is in progress"));
  }
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_EQ(door("shop/bob"), "bleeding, sessions_only");
  EXPECT_EQ(written().size(), 1U);
}

TEST_F(HandoverTest, NoDeadlineAndNoDrynessIsWrittenDown) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{1});
  bleed("shop/bob");
  control->begin_standby();
  pass(minutes{30});
  EXPECT_EQ(written().at("shop/alice"_node).displaced, Displaced::no);
  EXPECT_EQ(written().at("shop/bob"_node).dry, Dry::no);
}

TEST_F(HandoverTest, ALookAtDrynessThatWasUnderWayComesToNothing) {
  bleed("shop/alice");
  control->tick();  // shuts the door, and waits for the workers
  control->begin_standby();
  publisher.acknowledge();
  EXPECT_EQ(written().at("shop/alice"_node).dry, Dry::no);
  EXPECT_EQ(events_of("error"), "");
  control->end_standby();
  settle();
  EXPECT_TRUE(dry("shop/alice")) << "it is looked at again";
}

TEST_F(HandoverTest, WhenItFailsEverythingGoesOn) {
  control->begin_standby();
  control->end_standby();
  EXPECT_THAT(bleed("shop/alice"), HasSubstr("shop/alice is bleeding"));
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(HandoverTest, ItRoutesByWhatTheSuccessorHasWrittenDown) {
  control->begin_standby();
  follow({{"shop/alice"_node, {}}});
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(followed, 0) << "the workers have not heard of it";
  publisher.acknowledge();
  EXPECT_EQ(followed, 1);
  follow({});
  EXPECT_EQ(door("shop/alice"), "active, open");
}

TEST_F(HandoverTest, ADoorThatTheSuccessorShutsForALookIsShutHereToo) {
  control->begin_standby();
  follow({{"shop/alice"_node, {}}}, {"shop/alice"_node});
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  follow({{"shop/alice"_node, {}}});
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(HandoverTest, NodesComeAndGoWithTheSuccessorsConfig) {
  control->begin_standby();
  NodeRecord leaving;
  leaving.removed_from = conf::Address{"127.0.0.1", 9097};
  std::erase_if(shop().nodes, [](const conf::Node& node) { return node.name == "alice"; });
  shop().nodes.push_back(node("dave"));
  follow({{"shop/alice"_node, leaving}});
  EXPECT_EQ(door("shop/dave"), "active, opening") << "a worker may not know it yet";
  publisher.acknowledge();
  EXPECT_EQ(door("shop/dave"), "active, open");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_TRUE(status("shop/alice").removed);
  follow({});
  EXPECT_EQ(control->topology()->find_pool("shop")->nodes.size(), 3U) << "alice is gone";
}

TEST_F(HandoverTest, TheLastDoorsAreKeptOpenUntilTheSuccessorOpensOthers) {
  control->begin_standby();
  NodeRecords leaving;
  for (const conf::Node& one : shop().nodes) leaving[{"shop", one.name}].removed_from = one.address;
  shop().nodes = {node("dave")};
  follow(leaving, {}, {"shop/dave"_node});
  EXPECT_EQ(door("shop/alice"), "bleeding, open");
  publisher.acknowledge();
  EXPECT_EQ(followed, 1) << "the successor waits for this before it opens dave";
  EXPECT_EQ(door("shop/alice"), "bleeding, open");
  follow(leaving);
  publisher.acknowledge();
  EXPECT_EQ(followed, 2);
  EXPECT_EQ(door("shop/dave"), "active, open");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(HandoverTest, AConfigWithoutThePoolOfAListenerIsNotTakenOver) {
  config.listeners.push_back({});
  config.listeners.back().pool = "shop";
  start();
  control->begin_standby();
  shop().name = "other";
  follow({{"shop/alice"_node, {}}});
  ASSERT_NE(control->topology()->find_pool("shop"), nullptr) << "its clients are still here";
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(HandoverTest, WaitsEndWhenTheSuccessorSaysSo) {
  std::optional<WaitEnd> end;
  bleed("shop/alice");
  add_user("shop/alice", 1);
  control->wait("shop/alice"_node, Awaited::dry, std::nullopt, [&end](WaitEnd how) { end = how; });
  control->begin_standby();
  control->tick();
  EXPECT_FALSE(end);
  NodeRecord dry;
  dry.dry = Dry::yes;
  follow({{"shop/alice"_node, dry}});
  publisher.acknowledge();
  control->tick();
  EXPECT_EQ(end, WaitEnd::dry);
}

TEST_F(HandoverTest, TwoUpgradesAtATimeAreOneTooMany) {
  control->begin_standby();
  control->upgrade("root", note_answer());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers.front(), HasSubstr("already in progress"));
}

TEST_F(HandoverTest, AProcessThatHangsKeepsNoOperatorWaiting) {
  lagging_process = "the previous process (77)";
  add_user("shop/alice", 1);
  bleed("shop/bob");
  bleed_unacknowledged("shop/alice");
  control->activate("shop/bob"_node, {"root"}, note_answer());
  pass_unacknowledged(seconds{4});
  EXPECT_TRUE(answers.empty());
  pass_unacknowledged(seconds{2});
  ASSERT_EQ(answers.size(), 2U);
  for (const std::string& answer : answers) {
    EXPECT_THAT(answer, HasSubstr("error: the previous process (77) has not"));
    EXPECT_THAT(answer, HasSubstr("the change is saved and in force in this process"));
  }
  EXPECT_THAT(answers[0], HasSubstr("shop/alice is not reported dry"));
  EXPECT_THAT(answers[1], HasSubstr("shop/bob may receive no new users"));
  EXPECT_TRUE(written().contains("shop/alice"_node));
  EXPECT_THAT(blocked("shop/alice"), HasSubstr("the previous process (77)"));
  pass_unacknowledged(hours{1});
  EXPECT_FALSE(dry("shop/alice")) << "the other one may still let somebody in";
  EXPECT_EQ(door("shop/bob"), "active, open") << "its sessions may come to it everywhere";
  lagging_process = "";
  publisher.acknowledge();
  settle();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(door("shop/bob"), "active, open");
  EXPECT_EQ(answers.size(), 2U) << "each is answered once";
}

TEST_F(HandoverTest, AReloadThatIsNotTakenOverIsAnsweredToo) {
  lagging_process = "process 77";
  shop().nodes.push_back(node("dave"));
  control->reload(Force::no, "root", note_answer());
  pass_unacknowledged(seconds{6});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers.front(), HasSubstr("error: process 77 has not acknowledged within 5s"));
}

}  // namespace
}  // namespace bonedry::admin::test
