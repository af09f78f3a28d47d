// `switch`: one group of nodes gets the new users, the others bleed.

#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>

namespace bonedry::admin::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// Alice and bob are blue and active, carol is green and in maintenance.
class GroupsTest : public ControlTest {
 protected:
  GroupsTest() {
    for (conf::Node& each : shop().nodes) each.group = each.name == "carol" ? "green" : "blue";
    reload();
    bleed("shop/carol");
    settle();
    maintain("shop/carol");
  }

  std::string switch_to(const std::string& group, const SwitchRequest& request = {},
                        const std::string& pool = "shop") {
    answers.clear();
    control->switch_group(pool, group, request, note_answer());
    publisher.acknowledge();
    return answers.empty() ? "no answer" : answers.front();
  }
};

TEST_F(GroupsTest, TheGroupIsActiveAndTheOthersBleed) {
  add_user("shop/alice", 1);
  add_crawler("shop/bob", 2);
  EXPECT_EQ(switch_to("green"),
            "new users of pool shop go to group green; shop/alice, shop/bob bleed: 1 live and 1 "
            "pending sessions");
  EXPECT_EQ(door("shop/carol"), "active, open");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(door("shop/bob"), "bleeding, sessions_only");
  const auto opened = click(1);
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->displaced);
  EXPECT_THAT(events_of("switch"), HasSubstr("new users of pool shop go to group green"));
}

TEST_F(GroupsTest, BackIsTheSameCommand) {
  add_user("shop/alice", 1);
  switch_to("green");
  add_user("shop/carol", 2);
  EXPECT_THAT(switch_to("blue"), StartsWith("new users of pool shop go to group blue; shop/carol"));
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_EQ(door("shop/bob"), "active, open");
  EXPECT_EQ(door("shop/carol"), "bleeding, sessions_only");
  EXPECT_FALSE(click(1)->displaced);
  EXPECT_FALSE(click(2)->displaced);
}

TEST_F(GroupsTest, ThePoolHasAnOpenNodeAllTheTime) {
  control->switch_group("shop", "green", {}, note_answer());
  while (answers.empty()) {
    const auto& nodes = control->topology()->find_pool("shop")->nodes;
    EXPECT_TRUE(std::ranges::any_of(
        nodes, [](const NodeView& view) { return view.door == balancer::Door::open; }));
    publisher.acknowledge_once();
  }
}

TEST_F(GroupsTest, TheOldGroupIsDryWhenItsUsersHaveLeft) {
  add_user("shop/alice", 1);
  switch_to("green");
  settle();
  EXPECT_TRUE(dry("shop/bob"));
  EXPECT_FALSE(dry("shop/alice"));
  pass(kIdle + seconds{1});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(GroupsTest, ADeadlineHoldsForAllThatBleed) {
  add_user("shop/alice", 1);
  SwitchRequest request;
  request.deadline = minutes{5};
  EXPECT_THAT(switch_to("green", request), HasSubstr("bleed, deadline in 5m"));
  pass(minutes{5});
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_TRUE(click(1)->displaced);
}

TEST_F(GroupsTest, ACutMovesEverybodyAtOnce) {
  add_user("shop/alice", 1);
  add_user("shop/bob", 2);
  add_crawler("shop/bob", 3);
  SwitchRequest request;
  request.remaining = Remaining::moved;
  EXPECT_THAT(switch_to("green", request),
              EndsWith(": 3 sessions are moved, each at its next request"));
  EXPECT_EQ(door("shop/carol"), "active, open");
  for (const std::uint64_t user : {1U, 2U, 3U}) EXPECT_TRUE(click(user)->displaced) << user;
  settle();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_TRUE(dry("shop/bob"));
}

TEST_F(GroupsTest, ACutMovesThoseWhoAreLeftOfASwitchBefore) {
  add_user("shop/alice", 1);
  switch_to("green");
  SwitchRequest request;
  request.remaining = Remaining::moved;
  EXPECT_THAT(switch_to("green", request),
              EndsWith(": 1 session is moved, each at its next request"));
  EXPECT_TRUE(click(1)->displaced);
}

TEST_F(GroupsTest, ACutThatCannotBeSavedSaysWhatWasDone) {
  add_user("shop/alice", 1);
  SwitchRequest request;
  request.remaining = Remaining::moved;
  control->switch_group("shop", "green", request, note_answer());
  break_disk();
  publisher.acknowledge();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers[0], StartsWith("error: new users of pool shop go to group green; "));
  EXPECT_THAT(answers[0], HasSubstr("; but no session was moved: "));
  mend_disk();
  EXPECT_FALSE(click(1)->displaced);
  EXPECT_THAT(events_of("switch"), HasSubstr("new users of pool shop go to group green"));
}

TEST_F(GroupsTest, ANodeThatWasBledAgainMeanwhileIsNotCut) {
  add_user("shop/alice", 1);
  SwitchRequest request;
  request.remaining = Remaining::moved;
  control->switch_group("shop", "green", request, note_answer());
  clock.advance(seconds{1});
  control->activate("shop/alice"_node, {"root"}, [](const auto&) {});
  bleed_unacknowledged("shop/alice");
  publisher.acknowledge();
  EXPECT_FALSE(click(1)->displaced);
}

TEST_F(GroupsTest, NobodyIsMovedBeforeTheGroupIsOpenToHim) {
  add_user("shop/alice", 1);
  SwitchRequest request;
  request.remaining = Remaining::moved;
  control->switch_group("shop", "green", request, note_answer());
  while (door("shop/carol") != "active, open") {
    EXPECT_EQ(status("shop/alice").live, 1);
    ASSERT_NE(door("shop/alice"), "bleeding, shut");
    publisher.acknowledge_once();
  }
  publisher.acknowledge();
  EXPECT_EQ(status("shop/alice").live, 0);
}

TEST_F(GroupsTest, TheGuardAsksWhetherTheGroupCanServeAll) {
  shop().nodes[2].max_sessions = 1;
  reload();
  add_user("shop/alice", 1);
  add_user("shop/bob", 2);
  EXPECT_EQ(switch_to("green"),
            "error: with group green alone pool shop could hold 1 sessions (max_sessions), but it "
            "has 2; --force overrides");
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_EQ(door("shop/carol"), "maintenance, shut");
  SwitchRequest request;
  request.force = Force::yes;
  EXPECT_THAT(switch_to("green", request), HasSubstr("[forced: with group green alone"));
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(GroupsTest, AGroupThatIsDownGetsNobody) {
  view("shop/carol").node->set_health(balancer::Health::down);
  EXPECT_THAT(switch_to("green"), HasSubstr("would have 0 active, healthy nodes; min_active is 1"));
  EXPECT_EQ(door("shop/alice"), "active, open");
}

TEST_F(GroupsTest, WhatIsNotThereIsNamedWithWhatIs) {
  EXPECT_EQ(switch_to("red"), "error: unknown group 'red' in pool shop; known groups: blue, green");
  EXPECT_EQ(switch_to("green", {}, "blog"), "error: unknown pool 'blog'; known pools: shop");
  for (conf::Node& each : shop().nodes) each.group.clear();
  reload();
  EXPECT_EQ(switch_to("green"),
            "error: unknown group 'green' in pool shop; its nodes have no 'group' in the config");
}

TEST_F(GroupsTest, AGroupOfANodeWithoutWeightIsRefused) {
  shop().nodes[2].weight = 0;
  reload();
  EXPECT_EQ(switch_to("green"), "error: shop/carol has weight 0 in the config and stays bleeding");
}

TEST_F(GroupsTest, NodesOfOtherGroupsInMaintenanceStayThere) {
  bleed("shop/bob");
  settle();
  maintain("shop/bob");
  switch_to("green");
  EXPECT_EQ(door("shop/bob"), "maintenance, shut");
}

TEST_F(GroupsTest, ItSurvivesARestart) {
  add_user("shop/alice", 1);
  switch_to("green");
  restart_on_ledger();
  settle();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(door("shop/carol"), "active, open");
}

TEST_F(GroupsTest, WhatCannotBeSavedIsNotDone) {
  break_disk();
  EXPECT_THAT(switch_to("green"), HasSubstr("no change was made"));
  mend_disk();
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_EQ(door("shop/carol"), "maintenance, shut");
}

}  // namespace
}  // namespace bonedry::admin::test
