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

/// Alice and bob, and topologies that have nothing but their doors. Workers acknowledge when the
/// test says so.
class DoorsTest : public testing::Test {
 protected:
  DoorsTest() {
    publish();
    doors.acknowledge(topology.version);  // workers start with it
  }

  void publish(const Nodes& kept_open = {}) {
    ++topology.version;
    topology.pools.assign(1, {});
    topology.pools.front().config.name = "shop";
    for (const char* name : {"alice", "bob"}) {
      if (absent.contains(name)) continue;
      balancer::NodeView& view = topology.pools.front().nodes.emplace_back();
      view.node = std::make_shared<balancer::Node>("shop", name, nobody);
      view.door = doors.next(view.node->id(), find_record(records, view.node->id()));
    }
    doors.publish(topology, kept_open);
  }
  /// What a command does: it is written down, and published.
  void decide(const balancer::NodeId& id) {
    doors.decide(id, topology.version + 1);
    publish();
  }
  void bleed(const balancer::NodeId& id) {
    records[id] = {};
    decide(id);
  }
  void acknowledge() { doors.acknowledge(topology.version); }

  Door door(const balancer::NodeId& id) { return topology.find_node(id)->door; }
  Doors::FirstLook look() {
    return doors.look(topology, records, [this](const auto&, const balancer::NodeView& view) {
      return !inhabited.contains(view.node->name());
    });
  }
  Doors::SecondLook look_again(const Nodes& nodes) {
    return doors.look_again(nodes, topology, [this](const auto&, const balancer::NodeView& view) {
      return !inhabited.contains(view.node->name());
    });
  }

  const balancer::NodeId alice = "shop/alice"_node;
  const balancer::NodeId bob = "shop/bob"_node;
  balancer::SessionCounts nobody;
  std::set<std::string> absent;     ///< names of nodes that topologies lack
  std::set<std::string> inhabited;  ///< and of those that somebody is on
  NodeRecords records;
  balancer::Topology topology;
  Doors doors;
};

TEST_F(DoorsTest, WorkersStartWithOpenDoors) {
  EXPECT_EQ(door(alice), Door::open);
  EXPECT_TRUE(doors.taken_over(alice));
}

TEST_F(DoorsTest, ADecisionIsTakenOverWhenAllWorkersHaveAcknowledgedIt) {
  bleed(alice);
  EXPECT_EQ(door(alice), Door::sessions_only);
  EXPECT_FALSE(doors.taken_over(alice));
  EXPECT_TRUE(doors.taken_over(bob));
  doors.acknowledge(topology.version - 1);
  EXPECT_FALSE(doors.taken_over(alice));
  acknowledge();
  EXPECT_TRUE(doors.taken_over(alice));
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

// -- The two looks

TEST_F(DoorsTest, AnEmptyNodeIsShutBeforeTheLookThatCounts) {
  bleed(alice);
  acknowledge();
  EXPECT_EQ(look().to_shut, Nodes{alice});
  EXPECT_TRUE(look().dry.empty());
  doors.hold_shut({alice});
  publish();
  EXPECT_EQ(door(alice), Door::shut);
  EXPECT_TRUE(look().to_shut.empty()) << "it waits for its second look";
  acknowledge();
  EXPECT_EQ(look_again({alice}).dry, Nodes{alice});
}

TEST_F(DoorsTest, WhoWasLetInMeanwhileKeepsItFromBeingDry) {
  bleed(alice);
  acknowledge();
  doors.hold_shut({alice});
  publish();
  inhabited = {"alice"};
  acknowledge();
  const Doors::SecondLook look = look_again({alice});
  EXPECT_TRUE(look.dry.empty());
  EXPECT_EQ(look.inhabited, Nodes{alice});
  publish();
  EXPECT_EQ(door(alice), Door::sessions_only);
}

TEST_F(DoorsTest, ACommandEndsALook) {
  bleed(alice);
  acknowledge();
  doors.hold_shut({alice});
  publish();
  records.erase(alice);
  decide(alice);
  acknowledge();
  const Doors::SecondLook look = look_again({alice});
  EXPECT_TRUE(look.dry.empty());
  EXPECT_TRUE(look.inhabited.empty());
}

TEST_F(DoorsTest, ALookThatComesLateIsNotTheSecondOneOfALaterHold) {
  bleed(alice);
  acknowledge();
  doors.hold_shut({alice});
  publish();
  decide(alice);  // the operator gives it another deadline: the first look is of no use any more
  acknowledge();
  doors.hold_shut({alice});
  publish();
  // What was to come behind the first look comes now: some worker may still let sessions in.
  const Doors::SecondLook late = look_again({alice});
  EXPECT_TRUE(late.dry.empty());
  EXPECT_TRUE(late.inhabited.empty());
  publish();
  EXPECT_EQ(door(alice), Door::shut) << "the later hold stands";
  acknowledge();
  EXPECT_EQ(look_again({alice}).dry, Nodes{alice});
}

TEST_F(DoorsTest, ADoorThatIsJustShutAnywayIsLookedAtWhenAllWorkersKnow) {
  records[alice].displaced = Displaced::yes;
  decide(alice);
  EXPECT_TRUE(look().dry.empty());
  EXPECT_TRUE(look().to_shut.empty());
  acknowledge();
  EXPECT_EQ(look().dry, Nodes{alice});
}

TEST_F(DoorsTest, OneLookIsEnoughWhereTheDoorIsShutAnyway) {
  records[alice].displaced = Displaced::yes;
  decide(alice);
  acknowledge();
  EXPECT_EQ(look().dry, Nodes{alice});
  EXPECT_TRUE(look().to_shut.empty());
}

TEST_F(DoorsTest, ANodeThatAReloadTookAwayIsNotLookedAt) {
  bleed(alice);
  doors.hold_shut({alice});
  publish();
  absent = {"alice"};
  publish();
  acknowledge();
  const Doors::SecondLook look = look_again({alice});
  EXPECT_TRUE(look.dry.empty());
  EXPECT_TRUE(look.inhabited.empty());
}

// -- How one is opened

TEST_F(DoorsTest, ADoorThatWasShutIsOpenedInTwoSteps) {
  records[alice].state = NodeState::maintenance;
  decide(alice);
  acknowledge();
  records.erase(alice);
  decide(alice);
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
  decide(alice);
  EXPECT_EQ(door(alice), Door::open) << "no worker would move anybody";
}

TEST_F(DoorsTest, ALookThatIsEndedLeavesADoorThatIsOpenedInTwoSteps) {
  bleed(alice);
  acknowledge();
  doors.hold_shut({alice});
  publish();
  records.erase(alice);
  decide(alice);
  EXPECT_EQ(door(alice), Door::opening);
}

TEST_F(DoorsTest, OneKeptOpenIsTakenOverWithTheVersionAfter) {
  records[alice] = {};
  doors.decide(alice, topology.version + 1);
  publish({alice});
  EXPECT_TRUE(doors.has_kept_open(topology.version));
  acknowledge();
  EXPECT_FALSE(doors.taken_over(alice));
  publish();
  EXPECT_FALSE(doors.has_kept_open(topology.version));
  acknowledge();
  EXPECT_TRUE(doors.taken_over(alice));
}

// -- In a process that routes as its successor does

TEST_F(DoorsTest, WhatTheSuccessorHoldsIsHeldUntilItSaysOtherwise) {
  records[alice] = {};
  doors.follow({{alice}, {bob}});
  publish();
  EXPECT_EQ(door(alice), Door::shut);
  EXPECT_EQ(door(bob), Door::opening);
  acknowledge();
  EXPECT_FALSE(doors.can_open(topology, records)) << "the successor says when";
  doors.follow({});
  publish();
  EXPECT_EQ(door(alice), Door::sessions_only);
  EXPECT_EQ(door(bob), Door::open);
}

TEST_F(DoorsTest, AForgottenNodeIsOneThatNoWorkerKnows) {
  bleed(alice);
  absent = {"alice"};
  publish();
  doors.forget(alice);
  EXPECT_TRUE(doors.taken_over(alice));
  EXPECT_EQ(doors.next(alice, nullptr), Door::opening);
}

}  // namespace
}  // namespace bonedry::admin
