#include "admin/control_plane.h"
#include "proxy/base/file.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::admin {
namespace {

using test::hours;
using test::minutes;
using test::NodeState;
using test::seconds;

using DrynessTest = test::ControlTest;

TEST_F(DrynessTest, AnEmptyNodeIsDryOnceTheWorkersHaveHeardOfTheBleed) {
  bleed_unacknowledged("shop/alice");
  for (int i = 0; i < 10; ++i) control->tick();
  EXPECT_FALSE(dry("shop/alice")) << "a worker may still send somebody";
  EXPECT_EQ(blocked("shop/alice"), "workers have not yet applied the new state");
  publisher.acknowledge();
  control->tick();
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  EXPECT_FALSE(dry("shop/alice")) << "the look that counts is behind shut doors";
  publisher.acknowledge();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(blocked("shop/alice"), "");
}

TEST_F(DrynessTest, ADryNodesDoorIsShutAndItIsWrittenDown) {
  bleed("shop/alice");
  settle();
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  EXPECT_EQ(written().at("shop/alice"_node).dry, Dry::yes);
  EXPECT_EQ(written().at("shop/alice"_node).state, NodeState::bleeding);
  EXPECT_EQ(events_of("dry"), "shop/alice: bone dry: no users are left and none will come back");
}

TEST_F(DrynessTest, AnActiveNodeIsNotDryHoweverEmpty) {
  settle();
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(blocked("shop/alice"), "");
}

TEST_F(DrynessTest, EveryLiveSessionBlocks) {
  add_user("shop/alice", 1);
  add_user("shop/alice", 2);
  bleed("shop/alice");
  settle();
  EXPECT_EQ(blocked("shop/alice"), "2 live sessions");
  pass(kIdle - seconds{1});
  ASSERT_TRUE(click(2));
  pass(seconds{2});
  EXPECT_EQ(blocked("shop/alice"), "1 live session");
  EXPECT_FALSE(dry("shop/alice"));
  pass(kIdle);
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, APendingSessionBlocksToo) {
  add_crawler("shop/alice", 1);
  bleed("shop/alice");
  settle();
  EXPECT_EQ(blocked("shop/alice"), "1 pending session");
  pass(kIdle - seconds{1});
  EXPECT_FALSE(dry("shop/alice"));
  pass(seconds{2});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, AnOpenExchangeBlocks) {
  view("shop/alice").node->open_exchange();
  view("shop/alice").node->open_exchange();
  bleed("shop/alice");
  settle();
  EXPECT_EQ(blocked("shop/alice"), "2 open exchanges");
  view("shop/alice").node->close_exchange(clock.now());
  settle();
  EXPECT_EQ(blocked("shop/alice"), "1 open exchange");
  view("shop/alice").node->close_exchange(clock.now());
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, AnOpenWebSocketsSessionBlocksHoweverLong) {
  add_user("shop/alice", 1);
  const auto socket = ledger->open({std::uint64_t{1} << 32U, 1}, 1, clock.now()).opened;
  ASSERT_TRUE(socket);
  bleed("shop/alice");
  for (int i = 0; i < 50; ++i) {
    pass(minutes{10});
    ASSERT_FALSE(dry("shop/alice")) << i;
  }
  EXPECT_EQ(blocked("shop/alice"), "1 live session");
  ledger->close(socket->ref, clock.now());
  pass(kIdle + seconds{1});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, AllThatBlocksIsNamed) {
  add_user("shop/alice", 1);
  add_crawler("shop/alice", 2);
  view("shop/alice").node->open_exchange();
  bleed_unacknowledged("shop/alice");
  EXPECT_EQ(blocked("shop/alice"),
            "1 live session, 1 pending session, 1 open exchange, "
            "workers have not yet applied the new state");
}

TEST_F(DrynessTest, SessionsOfOtherNodesDoNotBlock) {
  add_user("shop/bob", 1);
  view("shop/bob").node->open_exchange();
  bleed("shop/alice");
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, AfterALedgerWasLostItWaitsUntilNobodyCanComeBack) {
  restart();
  bleed("shop/alice");
  settle();
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(blocked("shop/alice"), "ledger incomplete for another 20m");
  pass(minutes{8});
  EXPECT_EQ(blocked("shop/alice"), "ledger incomplete for another 12m");
  pass(minutes{12} - Millis{1});
  EXPECT_FALSE(dry("shop/alice"));
  pass(Millis{1});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, AfterALedgerWasLostAProcessThatStoodStillHearsFirstWhoCameMeanwhile) {
  restart();
  ledger->start_sweeping(clock.now());
  const auto run = [this](Millis by) {
    for (const Instant until = clock.now() + by; clock.now() < until;) pass(Millis{100});
  };
  bleed("shop/alice");
  run(minutes{19});
  pass(hours{1});
  EXPECT_EQ(blocked("shop/alice"), "ledger incomplete for another 1m")
      << "a request of the twentieth minute may wait in a socket";
  run(seconds{1});
  EXPECT_FALSE(dry("shop/alice"));
  run(seconds{2});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, WorkersAreToldUntilWhenTheLedgerIsIncomplete) {
  EXPECT_LE(control->topology()->pools[0].ledger_complete_at, clock.now());
  restart();
  EXPECT_EQ(control->topology()->pools[0].ledger_complete_at, clock.now() + kIdle);
}

TEST_F(DrynessTest, ALongerPendingTimeoutMakesItWaitLonger) {
  shop().session.pending_timeout = minutes{50};
  restart();
  bleed("shop/alice");
  settle();
  EXPECT_EQ(blocked("shop/alice"), "ledger incomplete for another 50m");
}

TEST_F(DrynessTest, WithoutSessionsNoLedgerIsIncomplete) {
  shop().session.sticky = conf::Sticky::none;
  restart();
  bleed("shop/alice");
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, ANodeThatLostAUserToAFullLedgerWaitsForHim) {
  for (std::uint64_t i = 0; i < 1000; ++i) add_user("shop/alice", i);
  add_user("shop/bob", 5000);  // evicts one of alice's
  ASSERT_EQ(status("shop/alice").live, 999);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto session = ledger->open({i << 32U, i}, 1, clock.now()).opened;
    if (!session) continue;
    (void)ledger->move(session->ref, session->node, view("shop/bob").slot);
    ledger->close(session->ref, clock.now());
  }
  ASSERT_EQ(status("shop/alice").live, 0);
  bleed("shop/alice");
  settle();
  EXPECT_FALSE(dry("shop/alice")) << "the forgotten user may come back with a good cookie";
  EXPECT_EQ(blocked("shop/alice"), "ledger incomplete for another 20m");
  pass(kIdle);
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, ItIsALatch) {
  bleed("shop/alice");
  settle();
  ASSERT_TRUE(dry("shop/alice"));
  view("shop/alice").node->open_exchange();  // a tester with a pass
  settle();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(blocked("shop/alice"), "");
  pass(hours{100});
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
}

TEST_F(DrynessTest, TheLatchSurvivesARestartEvenOfAnIncompleteLedger) {
  bleed("shop/alice");
  settle();
  restart();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, TheLatchSurvivesARestartOfANodeInMaintenance) {
  bleed("shop/alice");
  settle();
  maintain("shop/alice");
  restart();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "maintenance, shut");
}

TEST_F(DrynessTest, OnlyActivationEndsIt) {
  bleed("shop/alice");
  settle();
  bleed("shop/alice");
  EXPECT_TRUE(dry("shop/alice"));
  activate("shop/alice");
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "active, open");
  bleed_unacknowledged("shop/alice");
  control->tick();
  EXPECT_FALSE(dry("shop/alice")) << "the next bleed begins anew";
}

TEST_F(DrynessTest, DrynessThatCannotBeWrittenDownIsNotClaimedAndTriedAgain) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  break_disk();
  pass(kIdle + seconds{1});
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_NE(events_of("error").find("cannot save that the node is dry"), std::string::npos);
  mend_disk();
  pass(seconds{3});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, ADiskThatStaysFullIsNotAskedAtEveryTick) {
  bleed("shop/alice");
  break_disk();
  for (int i = 0; i < 100; ++i) {
    clock.advance(Millis{100});
    control->tick();
    publisher.acknowledge();
  }
  std::size_t errors = 0;
  for (const Event& event : events.recent()) errors += event.kind == "error" ? 1U : 0U;
  EXPECT_GE(errors, 3U);
  EXPECT_LE(errors, 6U) << "in ten seconds";
}

TEST_F(DrynessTest, SeveralNodesCanBeDryAtOnce) {
  bleed("shop/alice");
  bleed("shop/bob");
  settle();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_TRUE(dry("shop/bob"));
  EXPECT_FALSE(dry("shop/carol"));
}

TEST_F(DrynessTest, ANodeOfWeightZeroBleedsFromTheStart) {
  shop().nodes[0].weight = 0;
  start();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(status("shop/alice").bleeding->by, "config");
  EXPECT_EQ(status("shop/alice").bleeding->reason, "weight is 0");
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, WorkersStartWithTheFirstTopologySoItsStatesAreTakenOverAlready) {
  shop().nodes[0].weight = 0;
  start();
  EXPECT_EQ(blocked("shop/alice"), "");
  control->tick();
  publisher.acknowledge();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, SomebodyLetInBetweenTheTwoLooksIsSeenAndTheDoorIsOpenedAgain) {
  bleed("shop/alice");
  control->tick();
  ASSERT_EQ(door("shop/alice"), "bleeding, shut");
  add_user("shop/alice", 1);  // by a worker that did not know of the shut door yet
  publisher.acknowledge();
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(blocked("shop/alice"), "1 live session");
  EXPECT_FALSE(click(1)->displaced);
  pass(kIdle + seconds{1});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DrynessTest, AnActivationBetweenTheTwoLooksWins) {
  bleed("shop/alice");
  control->tick();
  ASSERT_EQ(door("shop/alice"), "bleeding, shut");
  activate("shop/alice");
  settle();
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_FALSE(dry("shop/alice"));
}

TEST_F(DrynessTest, RecordsOfAnotherTimeCallNoNodeDryThatHasUsers) {
  bleed("shop/alice");
  settle();
  ASSERT_TRUE(dry("shop/alice"));
  const std::string dry_then = *read_file(directory / "state/nodes.json");
  activate("shop/alice");
  add_user("shop/alice", 1);
  directory.write("state/nodes.json", dry_then);  // somebody restores an old copy
  restart_on_ledger();
  settle();
  EXPECT_FALSE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(events_of("error"),
            "shop/alice: nodes.json says that it is dry, but the ledger has 1 session on it; it is "
            "treated as not dry");
  pass(kIdle + seconds{1});
  EXPECT_TRUE(dry("shop/alice"));
}

}  // namespace
}  // namespace bonedry::admin
