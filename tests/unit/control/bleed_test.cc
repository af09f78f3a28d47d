#include "admin/control_plane.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

namespace bonedry::admin {
namespace {

using test::Door;
using test::hours;
using test::minutes;
using test::NodeState;
using test::seconds;

using BleedTest = test::ControlTest;

TEST_F(BleedTest, ANodeBeginsActive) {
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_TRUE(publisher.published.empty()) << "workers are started with the first topology";
  EXPECT_TRUE(written().empty());
}

TEST_F(BleedTest, ABleedingNodeIsForItsSessionsOnly) {
  add_user("shop/alice", 1);
  add_user("shop/alice", 2);
  add_crawler("shop/alice", 3);
  EXPECT_EQ(bleed("shop/alice"), "shop/alice is bleeding: 2 live and 1 pending sessions");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(door("shop/bob"), "active, open");
  EXPECT_EQ(status("shop/alice").live, 2) << "nobody was moved";
}

TEST_F(BleedTest, TheAnswerComesOnceAllWorkersRouteByIt) {
  bleed_unacknowledged("shop/alice");
  ASSERT_EQ(publisher.published.size(), 1U);
  EXPECT_EQ(publisher.published[0], control->topology());
  EXPECT_TRUE(answers.empty());
  control->tick();
  EXPECT_TRUE(answers.empty());
  publisher.acknowledge();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0], "shop/alice is bleeding: 0 live and 0 pending sessions");
}

TEST_F(BleedTest, ItIsWrittenDownBeforeAnyWorkerHearsOfIt) {
  BleedRequest request;
  request.reason = "kernel update";
  request.by = "root";
  request.deadline = hours{1};
  bleed_unacknowledged("shop/alice", request);
  const NodeRecords records = written();
  ASSERT_TRUE(records.contains("shop/alice"_node));
  const NodeRecord& record = records.at("shop/alice"_node);
  EXPECT_EQ(record.state, NodeState::bleeding);
  EXPECT_EQ(record.since, clock.wall());
  EXPECT_EQ(record.by, "root");
  EXPECT_EQ(record.reason, "kernel update");
  EXPECT_EQ(record.deadline, clock.wall() + hours{1});
  EXPECT_EQ(record.dry, Dry::no);
}

TEST_F(BleedTest, EachTopologyIsANewVersionAndTheOldOneStaysAsItWas) {
  const auto before = control->topology();
  bleed("shop/alice");
  EXPECT_EQ(control->topology()->version, before->version + 1);
  EXPECT_EQ(before->pools[0].nodes[0].door, Door::open);
  EXPECT_EQ(before->pools[0].nodes[0].node, view("shop/alice").node) << "the live facts are shared";
}

TEST_F(BleedTest, StatusTellsWhoBledItWhyAndUntilWhen) {
  BleedRequest request;
  request.reason = "kernel update";
  request.by = "root";
  request.deadline = minutes{30};
  const WallTime since = clock.wall();
  EXPECT_EQ(bleed("shop/alice", request),
            "shop/alice is bleeding, deadline in 30m: 0 live and 0 pending sessions");
  add_user("shop/alice", 1);
  pass(minutes{5});
  const auto bleeding = status("shop/alice").bleeding;
  ASSERT_TRUE(bleeding);
  EXPECT_EQ(bleeding->since, since);
  EXPECT_EQ(bleeding->by, "root");
  EXPECT_EQ(bleeding->reason, "kernel update");
  EXPECT_EQ(bleeding->deadline, since + minutes{30});
  EXPECT_FALSE(status("shop/bob").bleeding);
  EXPECT_EQ(events_of("bleed"),
            "shop/alice: bleeding, deadline in 30m by root, reason: kernel update");
}

TEST_F(BleedTest, WithoutADeadlineNobodyIsEverMoved) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  for (int i = 0; i < 40; ++i) {
    pass(minutes{15});
    const auto session = click(1);
    ASSERT_TRUE(session) << i;
    EXPECT_FALSE(session->displaced);
  }
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(status("shop/alice").live, 1);
}

TEST_F(BleedTest, TheLastActiveNodesAreGuarded) {
  bleed("shop/alice");
  bleed("shop/bob");
  const std::size_t published = publisher.published.size();
  EXPECT_EQ(bleed("shop/carol"),
            "error: without carol pool shop would have 0 active, healthy nodes; min_active is 1"
            "; --force overrides");
  EXPECT_EQ(door("shop/carol"), "active, open");
  EXPECT_EQ(publisher.published.size(), published) << "nothing was changed";
  EXPECT_FALSE(written().contains("shop/carol"_node));
}

TEST_F(BleedTest, TheGuardKnowsMaxSessions) {
  shop().nodes[1].max_sessions = 1;
  shop().nodes[2].max_sessions = 1;
  start();
  for (std::uint64_t i = 1; i <= 3; ++i) add_user("shop/alice", i);
  EXPECT_EQ(bleed("shop/alice"),
            "error: without alice pool shop could hold 2 sessions (max_sessions), but it has 3"
            "; --force overrides");
}

TEST_F(BleedTest, ForceOverridesTheGuardAndIsRecorded) {
  bleed("shop/alice");
  bleed("shop/bob");
  const std::string answer = force_bleed("shop/carol");
  EXPECT_EQ(door("shop/carol"), "bleeding, sessions_only");
  const std::string forced =
      "[forced: without carol pool shop would have 0 active, healthy nodes; min_active is 1]";
  EXPECT_NE(answer.find(forced), std::string::npos) << answer;
  EXPECT_NE(events_of("bleed").find(forced), std::string::npos);
}

TEST_F(BleedTest, ForceWithoutNeedIsNotRecordedAsForced) {
  EXPECT_EQ(force_bleed("shop/alice").find("forced"), std::string::npos);
}

TEST_F(BleedTest, BledAgainItKeepsItsAgeAndReasonAndTakesTheNewDeadline) {
  BleedRequest first;
  first.reason = "kernel update";
  first.by = "ann";
  bleed("shop/alice", first);
  add_user("shop/alice", 1);
  const WallTime since = clock.wall();
  clock.advance(minutes{5});
  BleedRequest second;
  second.by = "ben";
  second.deadline = minutes{10};
  EXPECT_EQ(bleed("shop/alice", second),
            "shop/alice is still bleeding, deadline in 10m: 1 live and 0 pending sessions");
  const auto bleeding = status("shop/alice").bleeding;
  ASSERT_TRUE(bleeding);
  EXPECT_EQ(bleeding->since, since);
  EXPECT_EQ(bleeding->reason, "kernel update");
  EXPECT_EQ(bleeding->by, "ben");
  EXPECT_EQ(bleeding->deadline, clock.wall() + minutes{10});
}

TEST_F(BleedTest, BledAgainItIsNotGuardedAgain) {
  bleed("shop/alice");
  bleed("shop/bob");
  view("shop/carol").node->set_health(balancer::Health::down);
  EXPECT_EQ(bleed("shop/alice").substr(0, 5), "shop/");
}

TEST_F(BleedTest, ANodeInMaintenanceStaysThere) {
  bleed("shop/alice");
  settle();
  maintain("shop/alice");
  const std::size_t published = publisher.published.size();
  bleed("shop/alice");
  EXPECT_EQ(door("shop/alice"), "maintenance, shut");
  EXPECT_EQ(publisher.published.size(), published);
}

TEST_F(BleedTest, ABleedSurvivesARestart) {
  BleedRequest request;
  request.reason = "kernel update";
  request.by = "root";
  request.deadline = hours{2};
  bleed("shop/alice", request);
  const WallTime since = clock.wall();
  clock.advance(minutes{1});
  restart();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  const auto bleeding = status("shop/alice").bleeding;
  ASSERT_TRUE(bleeding);
  EXPECT_EQ(bleeding->since, since);
  EXPECT_EQ(bleeding->by, "root");
  EXPECT_EQ(bleeding->reason, "kernel update");
  EXPECT_EQ(bleeding->deadline, since + hours{2});
}

TEST_F(BleedTest, AKillRightAfterTheWriteLeavesItBleeding) {
  bleed_unacknowledged("shop/alice");
  restart();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(BleedTest, ADiskThatRefusesRefusesTheCommandAndNothingIsChanged) {
  break_disk();
  const auto before = control->topology();
  const std::string answer = bleed("shop/alice");
  EXPECT_EQ(answer.substr(0, 19), "error: cannot write") << answer;
  EXPECT_NE(answer.find("no change was made"), std::string::npos) << answer;
  EXPECT_EQ(control->topology(), before);
  EXPECT_TRUE(publisher.published.empty());
  EXPECT_EQ(door("shop/alice"), "active, open");
  mend_disk();
  EXPECT_TRUE(written().empty());
  EXPECT_EQ(bleed("shop/alice").substr(0, 22), "shop/alice is bleeding");
}

TEST_F(BleedTest, ARefusedSecondBleedDoesNotStandInTheWayOfDryness) {
  bleed("shop/alice");
  add_user("shop/alice", 1);
  break_disk();
  EXPECT_EQ(bleed_until("shop/alice", hours{5}).substr(0, 6), "error:");
  EXPECT_FALSE(status("shop/alice").bleeding->deadline);
  mend_disk();
  EXPECT_EQ(blocked("shop/alice"), "1 live session");
  pass(kIdle + seconds{1});
  EXPECT_TRUE(dry("shop/alice"));
}

}  // namespace
}  // namespace bonedry::admin
