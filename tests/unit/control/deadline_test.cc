#include "admin/control_plane.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

namespace bonedry::admin {
namespace {

using test::hours;
using test::minutes;
using test::seconds;

using DeadlineTest = test::ControlTest;

TEST_F(DeadlineTest, WhenItPassesTheSessionsThereAreTakenOffAndTheNodeIsDry) {
  add_user("shop/alice", 1);
  add_crawler("shop/alice", 2);
  add_user("shop/bob", 3);
  bleed_until("shop/alice", minutes{10});
  pass(minutes{10} - Millis{1});
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_FALSE(dry("shop/alice"));
  pass(Millis{1});
  EXPECT_EQ(status("shop/alice").live, 0);
  EXPECT_EQ(status("shop/alice").pending, 0);
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(door("shop/alice"), "bleeding, shut, displaced");
  EXPECT_TRUE(click(1)->displaced);
  EXPECT_FALSE(click(3)->displaced);
  EXPECT_EQ(events_of("deadline"), "shop/alice: the deadline has passed");
  EXPECT_EQ(events_of("displace"),
            "shop/alice: deadline: 2 sessions will be moved at their next request");
}

TEST_F(DeadlineTest, SessionsAreTakenOffOnlyAfterAllWorkersHaveShutTheDoor) {
  // Otherwise a worker could still let in a user whose session nobody counts.
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  clock.advance(minutes{10});
  control->tick();
  EXPECT_EQ(door("shop/alice"), "bleeding, shut, displaced");
  EXPECT_EQ(status("shop/alice").live, 1);
  for (int i = 0; i < 5; ++i) control->tick();
  EXPECT_FALSE(dry("shop/alice"));
  publisher.acknowledge();
  EXPECT_EQ(status("shop/alice").live, 0);
  control->tick();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DeadlineTest, AnExchangeThatIsStillOpenBlocksDrynessButNotTheMove) {
  add_user("shop/alice", 1);
  view("shop/alice").node->open_exchange();
  bleed_until("shop/alice", minutes{10});
  pass(minutes{10});
  EXPECT_EQ(blocked("shop/alice"), "1 open exchange");
  EXPECT_TRUE(click(1)->displaced);
  view("shop/alice").node->close_exchange(clock.now());
  settle();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DeadlineTest, AUserWhoseFirstResponseComesAfterTheDeadlineDoesNotKeepTheNodeWet) {
  // The request was sent before the bleed; its slow response begins a session when the door is
  // shut.
  view("shop/alice").node->open_exchange();
  bleed_until("shop/alice", seconds{1});
  pass(seconds{1});
  add_crawler("shop/alice", 1);
  view("shop/alice").node->close_exchange(clock.now());
  pass(seconds{10});
  EXPECT_TRUE(dry("shop/alice")) << blocked("shop/alice");
}

TEST_F(DeadlineTest, AnIncompleteLedgerDoesNotBlockBehindAShutDoor) {
  restart();
  bleed_until("shop/alice", minutes{1});
  pass(seconds{30});
  EXPECT_NE(blocked("shop/alice").find("ledger incomplete"), std::string::npos);
  pass(seconds{30});
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DeadlineTest, ItSurvivesARestartAndPassesWhileTheProxyIsDown) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  clock.advance(hours{1});
  restart();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  settle();
  EXPECT_EQ(door("shop/alice"), "bleeding, shut, displaced");
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DeadlineTest, ThatItPassedSurvivesARestart) {
  view("shop/alice").node->open_exchange();
  bleed_until("shop/alice", minutes{10});
  pass(minutes{10});
  ASSERT_FALSE(dry("shop/alice"));
  restart();
  EXPECT_EQ(door("shop/alice"), "bleeding, shut, displaced");
}

// -- The wall clock -------------------------------------------------------------------------------

class CalendarTest : public DeadlineTest {
 protected:
  /// The machine is off for `off` and its Instants start again. After that the wall clock is wrong
  /// by `wrong`.
  void reboot(Millis off, Millis wrong = Millis{0}) {
    control.reset();
    store = StateStore(directory / "state/nodes.json", "another boot");
    clock.advance(-minutes{5});  // less than its uptime
    clock.jump_wall(minutes{5} + off + wrong);
    restart();
  }
  [[nodiscard]] bool displaced() const { return door("shop/alice") == "bleeding, shut, displaced"; }
  [[nodiscard]] Millis date_from_now(const std::optional<WallTime>& date) const {
    return *date - clock.wall();
  }
};

TEST_F(CalendarTest, SetForwardItDoesNotEndADeadline) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  clock.jump_wall(hours{24});
  pass(minutes{10} - Millis{1});
  EXPECT_FALSE(displaced());
  pass(Millis{1});
  EXPECT_TRUE(displaced());
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(CalendarTest, SetBackItDoesNotPutADeadlineOff) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  clock.jump_wall(-hours{24});
  pass(minutes{10});
  EXPECT_TRUE(displaced());
}

TEST_F(CalendarTest, SetWhileTheProxyIsDownItChangesNothingEither) {
  for (const Millis jump : {Millis{hours{5}}, Millis{-hours{5}}}) {
    bleed_until("shop/alice", minutes{10});
    clock.jump_wall(jump);
    restart();
    pass(minutes{10} - Millis{1});
    EXPECT_FALSE(displaced());
    pass(Millis{1});
    EXPECT_TRUE(displaced());
    activate("shop/alice");
  }
}

TEST_F(CalendarTest, WhatIsShownAndWrittenFollowsIt) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  clock.advance(minutes{4});
  ASSERT_TRUE(click(1));
  for (const Millis jump : {Millis{hours{5}}, Millis{-hours{24}}}) {
    clock.jump_wall(jump);
    control->tick();
    EXPECT_EQ(date_from_now(status("shop/alice").bleeding->deadline), minutes{6});
    EXPECT_EQ(date_from_now(status("shop/alice").bleeding->since), -minutes{4});
    EXPECT_EQ(date_from_now(written().at("shop/alice"_node).deadline), minutes{6});
  }
  EXPECT_LE(status("shop/alice").bleeding->forecast.value_or(DryForecast{}).high, minutes{6});
}

TEST_F(CalendarTest, AClockThatIsSlewedWritesNothing) {
  bleed_until("shop/alice", minutes{10});
  settle();
  break_disk();
  clock.jump_wall(Millis{900});
  settle();
  EXPECT_EQ(events_of("error"), "");
  mend_disk();
}

TEST_F(CalendarTest, AfterARebootItTellsHowLongTheMachineWasOff) {
  bleed_until("shop/alice", minutes{10});
  reboot(minutes{4});
  pass(minutes{6} - Millis{1});
  EXPECT_FALSE(displaced());
  pass(Millis{1});
  EXPECT_TRUE(displaced());
}

TEST_F(CalendarTest, ADeadlineThatPassedWhileTheMachineWasOffHasPassed) {
  bleed_until("shop/alice", minutes{10});
  reboot(minutes{11});
  settle();
  EXPECT_TRUE(displaced());
}

TEST_F(CalendarTest, WrongAfterARebootNobodyWaitsForLongerThanTheOperatorSaid) {
  bleed_until("shop/alice", minutes{10});
  reboot(minutes{1}, -hours{24 * 365});
  pass(minutes{10} - Millis{1});
  EXPECT_FALSE(displaced());
  pass(Millis{1});
  EXPECT_TRUE(displaced());
}

TEST_F(CalendarTest, ADeadlineFromBeforeInstantsWereWrittenDownIsKept) {
  NodeRecord old;
  old.since = clock.wall();
  old.deadline = clock.wall() + minutes{10};
  control.reset();
  ASSERT_TRUE(store.save({{"shop/alice"_node, old}}));
  restart();
  pass(minutes{10} - Millis{1});
  EXPECT_FALSE(displaced());
  pass(Millis{1});
  EXPECT_TRUE(displaced());
}

// -- Other commands -------------------------------------------------------------------------------

TEST_F(DeadlineTest, AnActivationOvertakesIt) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  activate("shop/alice");
  pass(minutes{11});
  EXPECT_FALSE(click(1)->displaced);
  EXPECT_EQ(events_of("deadline"), "");
}

TEST_F(DeadlineTest, AnActivationBetweenTheDeadlineAndTheWorkersKeepsTheUsersWhereTheyAre) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  clock.advance(minutes{10});
  control->tick();  // the workers have not acknowledged it yet
  EXPECT_EQ(activate("shop/alice"), "shop/alice is active");
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_FALSE(click(1)->displaced);
}

TEST_F(DeadlineTest, ItPassesOnce) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  pass(minutes{10});
  pass(hours{1});
  EXPECT_EQ(events_of("deadline"), "shop/alice: the deadline has passed");
}

TEST_F(DeadlineTest, ANodeThatIsDryBeforeItsDeadlineIsLeftInPeace) {
  bleed_until("shop/alice", minutes{10});
  settle();
  ASSERT_TRUE(dry("shop/alice"));
  pass(minutes{11});
  EXPECT_EQ(door("shop/alice"), "bleeding, shut") << "nobody was displaced";
  EXPECT_EQ(events_of("deadline"), "");
}

TEST_F(DeadlineTest, ANewDeadlineReplacesTheOld) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  bleed_until("shop/alice", minutes{30});
  for (int i = 0; i < 2; ++i) {
    pass(minutes{14});
    ASSERT_FALSE(click(1)->displaced);
  }
  pass(minutes{2});
  EXPECT_TRUE(click(1)->displaced);
}

TEST_F(DeadlineTest, OneThatCannotBeWrittenDownMovesNobodyAndIsTriedAgain) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{10});
  break_disk();
  pass(minutes{10});
  EXPECT_FALSE(click(1)->displaced);
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_NE(events_of("error").find("cannot apply the deadline"), std::string::npos);
  mend_disk();
  pass(seconds{3});
  EXPECT_TRUE(click(1)->displaced);
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(DeadlineTest, TwoDeadlinesAtOnceAreBothKept) {
  add_user("shop/alice", 1);
  add_user("shop/bob", 2);
  bleed_until("shop/alice", minutes{10});
  bleed_until("shop/bob", minutes{10});
  pass(minutes{10});
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_TRUE(dry("shop/bob"));
  EXPECT_TRUE(click(1)->displaced);
  EXPECT_TRUE(click(2)->displaced);
}

}  // namespace
}  // namespace bonedry::admin
