#include "admin/doors.h"

#include "tests/unit/control/node_literal.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using balancer::Door;
using balancer::NodeState;

/// Alice and bob, and topologies that contain only their doors. Workers acknowledge when the test
/// says so.
class DoorsTest : public testing::Test {
 protected:
  DoorsTest() {
    publish();
    doors.acknowledge(topology.version);  // workers start with this version
  }

  void publish(const NodeIds& shut_deferred = {}) {
    ++topology.version;
    topology.pools.assign(1, {});
    topology.pools.front().config.name = "shop";
    for (const char* name : {"alice", "bob"}) {
      if (absent.contains(name)) continue;
      balancer::NodeView& view = topology.pools.front().nodes.emplace_back();
      view.node = std::make_shared<balancer::Node>("shop", name, nobody);
      view.door = doors.next(view.node->id(), find_record(records, view.node->id()));
    }
    doors.publish(topology, shut_deferred);
  }
  /// Does what a command does: notes the change and publishes it.
  void note_change(const balancer::NodeId& id) {
    doors.note_change(id, topology.version + 1);
    publish();
  }
  void bleed(const balancer::NodeId& id) {
    records[id] = {};
    note_change(id);
  }
  void acknowledge() { doors.acknowledge(topology.version); }

  Door door(const balancer::NodeId& id) { return topology.find_node(id)->door; }
  Doors::DrynessCandidates find_candidates() {
    return doors.find_candidates(topology, records,
                                 [this](const auto&, const balancer::NodeView& view) {
                                   return !still_in_use.contains(view.node->name());
                                 });
  }
  Doors::DrynessConfirmation confirm_dryness(const NodeIds& nodes) {
    return doors.confirm_dryness(nodes, topology,
                                 [this](const auto&, const balancer::NodeView& view) {
                                   return !still_in_use.contains(view.node->name());
                                 });
  }

  const balancer::NodeId alice = "shop/alice"_node;
  const balancer::NodeId bob = "shop/bob"_node;
  balancer::SessionCounts nobody;
  std::set<std::string> absent;        ///< names of nodes that topologies do not contain
  std::set<std::string> still_in_use;  ///< names of nodes with sessions or exchanges
  NodeRecords records;
  balancer::Topology topology;
  Doors doors;
};

TEST_F(DoorsTest, WorkersStartWithOpenDoors) {
  EXPECT_EQ(door(alice), Door::open);
  EXPECT_TRUE(doors.is_acknowledged(alice));
}

TEST_F(DoorsTest, ADecisionIsTakenOverWhenAllWorkersHaveAcknowledgedIt) {
  bleed(alice);
  EXPECT_EQ(door(alice), Door::sessions_only);
  EXPECT_FALSE(doors.is_acknowledged(alice));
  EXPECT_TRUE(doors.is_acknowledged(bob));
  doors.acknowledge(topology.version - 1);
  EXPECT_FALSE(doors.is_acknowledged(alice));
  acknowledge();
  EXPECT_TRUE(doors.is_acknowledged(alice));
}

TEST_F(DoorsTest, WhatTheRecordSaysIsTheDoor) {
  records[alice].dry = Dry::yes;
  records[bob].state = NodeState::maintenance;
  publish();
  EXPECT_EQ(door(alice), Door::shut);
  EXPECT_EQ(door(bob), Door::shut);
  records[alice] = {};
  records[alice].displaced = Displaced::yes;
  publish();
  EXPECT_EQ(door(alice), Door::shut);
}

// -- The two checks for dryness

TEST_F(DoorsTest, AnEmptyNodeIsShutBeforeTheLookThatCounts) {
  bleed(alice);
  acknowledge();
  EXPECT_EQ(find_candidates().to_confirm, NodeIds{alice});
  EXPECT_TRUE(find_candidates().dry.empty());
  doors.shut_for_confirmation({alice});
  publish();
  EXPECT_EQ(door(alice), Door::shut);
  EXPECT_TRUE(find_candidates().to_confirm.empty()) << "it waits for its second look";
  acknowledge();
  EXPECT_EQ(confirm_dryness({alice}).dry, NodeIds{alice});
}

TEST_F(DoorsTest, WhoWasLetInMeanwhileKeepsItFromBeingDry) {
  bleed(alice);
  acknowledge();
  doors.shut_for_confirmation({alice});
  publish();
  still_in_use = {"alice"};
  acknowledge();
  const Doors::DrynessConfirmation look = confirm_dryness({alice});
  EXPECT_TRUE(look.dry.empty());
  EXPECT_EQ(look.still_in_use, NodeIds{alice});
  publish();
  EXPECT_EQ(door(alice), Door::sessions_only);
}

TEST_F(DoorsTest, ACommandEndsALook) {
  bleed(alice);
  acknowledge();
  doors.shut_for_confirmation({alice});
  publish();
  records.erase(alice);
  note_change(alice);
  acknowledge();
  const Doors::DrynessConfirmation look = confirm_dryness({alice});
  EXPECT_TRUE(look.dry.empty());
  EXPECT_TRUE(look.still_in_use.empty());
}

TEST_F(DoorsTest, ALookThatComesLateIsNotTheSecondOneOfALaterHold) {
  bleed(alice);
  acknowledge();
  doors.shut_for_confirmation({alice});
  publish();
  note_change(alice);  // the operator gives it another deadline: the first check is void
  acknowledge();
  doors.shut_for_confirmation({alice});
  publish();
  // The confirmation of the first check comes only now: some worker may still let sessions in.
  const Doors::DrynessConfirmation late = confirm_dryness({alice});
  EXPECT_TRUE(late.dry.empty());
  EXPECT_TRUE(late.still_in_use.empty());
  publish();
  EXPECT_EQ(door(alice), Door::shut) << "the later hold stands";
  acknowledge();
  EXPECT_EQ(confirm_dryness({alice}).dry, NodeIds{alice});
}

TEST_F(DoorsTest, ADoorThatIsJustShutAnywayIsLookedAtWhenAllWorkersKnow) {
  records[alice].displaced = Displaced::yes;
  note_change(alice);
  EXPECT_TRUE(find_candidates().dry.empty());
  EXPECT_TRUE(find_candidates().to_confirm.empty());
  acknowledge();
  EXPECT_EQ(find_candidates().dry, NodeIds{alice});
}

TEST_F(DoorsTest, OneLookIsEnoughWhereTheDoorIsShutAnyway) {
  records[alice].displaced = Displaced::yes;
  note_change(alice);
  acknowledge();
  EXPECT_EQ(find_candidates().dry, NodeIds{alice});
  EXPECT_TRUE(find_candidates().to_confirm.empty());
}

TEST_F(DoorsTest, ANodeThatAReloadTookAwayIsNotLookedAt) {
  bleed(alice);
  doors.shut_for_confirmation({alice});
  publish();
  absent = {"alice"};
  publish();
  acknowledge();
  const Doors::DrynessConfirmation look = confirm_dryness({alice});
  EXPECT_TRUE(look.dry.empty());
  EXPECT_TRUE(look.still_in_use.empty());
}

// -- A node of which several members must agree that it is dry

TEST_F(DoorsTest, ADoorThatIsHeldForAgreementLetsNobodyInUntilTheMembersAgree) {
  bleed(alice);
  acknowledge();
  doors.hold_for_agreement({alice});
  publish();
  EXPECT_EQ(door(alice), Door::held);
  EXPECT_TRUE(find_candidates().to_confirm.empty()) << "it waits for its second look";
  EXPECT_TRUE(find_candidates().dry.empty());
  EXPECT_TRUE(confirm_dryness({alice}).dry.empty()) << "some worker may still let sessions in";
  acknowledge();
  EXPECT_EQ(confirm_dryness({alice}).dry, NodeIds{alice});
  publish();
  EXPECT_EQ(door(alice), Door::held) << "this member has said yes, the others may not have";
  EXPECT_TRUE(find_candidates().dry.empty());
  records[alice].dry = Dry::yes;
  publish();
  EXPECT_EQ(door(alice), Door::shut);
}

TEST_F(DoorsTest, ARoundThatIsCalledOffLetsSessionsInAgain) {
  bleed(alice);
  acknowledge();
  doors.hold_for_agreement({alice});
  publish();
  acknowledge();
  EXPECT_EQ(confirm_dryness({alice}).dry, NodeIds{alice});
  doors.reopen_unconfirmed({alice});
  publish();
  EXPECT_EQ(door(alice), Door::sessions_only);
}

TEST_F(DoorsTest, AMemberWithUsersEndsItsHold) {
  bleed(alice);
  acknowledge();
  doors.hold_for_agreement({alice});
  publish();
  still_in_use = {"alice"};
  acknowledge();
  EXPECT_EQ(confirm_dryness({alice}).still_in_use, NodeIds{alice});
  publish();
  EXPECT_EQ(door(alice), Door::sessions_only);
}

TEST_F(DoorsTest, ACommandEndsAHoldAndTheDoorIsOpenedInTwoSteps) {
  bleed(alice);
  acknowledge();
  doors.hold_for_agreement({alice});
  publish();
  acknowledge();
  records.erase(alice);
  note_change(alice);
  EXPECT_EQ(door(alice), Door::opening);
  EXPECT_TRUE(confirm_dryness({alice}).dry.empty());
}

TEST_F(DoorsTest, WhomADeadlineSendsAwayDoesNotWaitAtAHeldDoor) {
  bleed(alice);
  acknowledge();
  doors.hold_for_agreement({alice});
  records[alice].displaced = Displaced::yes;
  publish();
  EXPECT_EQ(door(alice), Door::shut);
  records.erase(bob);
  doors.hold_for_agreement({bob});
  publish();
  EXPECT_EQ(door(bob), Door::open) << "an active node is never held";
}

TEST_F(DoorsTest, ANodeThatIsTakenAwayDuringARoundIsNotHeldLater) {
  bleed(alice);
  acknowledge();
  doors.hold_for_agreement({alice});
  absent = {"alice"};
  publish();
  acknowledge();
  EXPECT_TRUE(confirm_dryness({alice}).dry.empty());
  absent.clear();
  publish();
  EXPECT_EQ(door(alice), Door::sessions_only);
}

// -- Opening a door

TEST_F(DoorsTest, ADoorThatWasShutIsOpenedInTwoSteps) {
  records[alice].state = NodeState::maintenance;
  note_change(alice);
  acknowledge();
  records.erase(alice);
  note_change(alice);
  EXPECT_EQ(door(alice), Door::opening);
  EXPECT_FALSE(doors.can_open(topology, records)) << "a worker may still hold it shut";
  acknowledge();
  EXPECT_TRUE(doors.can_open(topology, records));
  publish();
  EXPECT_EQ(door(alice), Door::open);
  EXPECT_FALSE(doors.can_open(topology, records));
}

TEST_F(DoorsTest, SoIsOneThatWorkersMayNotKnow) {
  absent = {"bob"};
  publish();
  acknowledge();
  absent.clear();
  publish();
  EXPECT_EQ(door(bob), Door::opening);
  acknowledge();
  publish();
  EXPECT_EQ(door(bob), Door::open);
}

TEST_F(DoorsTest, OneThatWasNeverShutIsOpenAtOnce) {
  bleed(alice);
  records.erase(alice);
  note_change(alice);
  EXPECT_EQ(door(alice), Door::open) << "no worker would move anybody";
}

TEST_F(DoorsTest, ALookThatIsEndedLeavesADoorThatIsOpenedInTwoSteps) {
  bleed(alice);
  acknowledge();
  doors.shut_for_confirmation({alice});
  publish();
  records.erase(alice);
  note_change(alice);
  EXPECT_EQ(door(alice), Door::opening);
}

TEST_F(DoorsTest, OneKeptOpenIsTakenOverWithTheVersionAfter) {
  records[alice] = {};
  doors.note_change(alice, topology.version + 1);
  publish({alice});
  EXPECT_TRUE(doors.has_deferred_close(topology.version));
  acknowledge();
  EXPECT_FALSE(doors.is_acknowledged(alice));
  publish();
  EXPECT_FALSE(doors.has_deferred_close(topology.version));
  acknowledge();
  EXPECT_TRUE(doors.is_acknowledged(alice));
}

// -- A process that routes as its successor does

TEST_F(DoorsTest, WhatTheSuccessorHoldsIsHeldUntilItSaysOtherwise) {
  records[alice] = {};
  doors.apply_overrides({{alice}, {bob}});
  publish();
  EXPECT_EQ(door(alice), Door::shut);
  EXPECT_EQ(door(bob), Door::opening);
  acknowledge();
  EXPECT_FALSE(doors.can_open(topology, records)) << "the successor says when";
  doors.apply_overrides({});
  publish();
  EXPECT_EQ(door(alice), Door::sessions_only);
  EXPECT_EQ(door(bob), Door::open);
}

TEST_F(DoorsTest, WhatTheSuccessorHoldsForAgreementIsHeldHereAsWell) {
  records[alice] = {};
  doors.apply_overrides({{}, {}, {alice}});
  publish();
  EXPECT_EQ(door(alice), Door::held);
  doors.apply_overrides({{alice}, {}, {}});
  publish();
  EXPECT_EQ(door(alice), Door::shut);
}

TEST_F(DoorsTest, AForgottenNodeIsOneThatNoWorkerKnows) {
  bleed(alice);
  absent = {"alice"};
  publish();
  doors.forget(alice);
  EXPECT_TRUE(doors.is_acknowledged(alice));
  EXPECT_EQ(doors.next(alice, nullptr), Door::opening);
}

}  // namespace
}  // namespace bonedry::admin
