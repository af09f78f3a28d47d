#include "admin/topology_builder.h"

#include "session/mapped_ledger.h"
#include "tests/unit/control/node_literal.h"

#include <gtest/gtest.h>

#include <optional>

namespace bonedry::admin {
namespace {

using balancer::Door;
using balancer::NodeState;

/// A pool of alice and bob, and the topology built from its config, records and doors.
class TopologyBuilderTest : public testing::Test {
 protected:
  TopologyBuilderTest() {
    conf::Pool& pool = config.pools.emplace_back();
    pool.name = "shop";
    for (const char* name : {"alice", "bob"})
      pool.nodes.push_back({name, {"127.0.0.1", 9001}, 100});
    put_in_force();
    doors.acknowledge(topology->version);
  }

  TopologyBuilder::BuildResult build() {
    EXPECT_TRUE(nodes.claim(config, removed, Authority::self));
    return TopologyBuilder({config, records, doors, removed, nodes, gap, cookies, revocations},
                           topology.get())
        .build();
  }
  /// Builds a topology and makes it current, not acknowledged by the workers.
  NodeIds put_in_force() {
    const TopologyBuilder::BuildResult built = build();
    topology = built.topology;
    doors.publish(*topology, built.shut_deferred);
    return built.shut_deferred;
  }
  [[nodiscard]] const balancer::NodeView& view(const balancer::NodeId& id) const {
    return *topology->find_node(id);
  }

  const balancer::NodeId alice = "shop/alice"_node;
  const balancer::NodeId bob = "shop/bob"_node;
  session::MappedLedger ledger{100, Instant{1'000'000}};
  conf::Config config;
  NodeRecords records;
  RemovedNodes removed;
  Doors doors;
  NodeRegistry nodes{ledger};
  LedgerGap gap;
  CookieWatch cookies;
  PassRevocations revocations;
  std::shared_ptr<const balancer::Topology> topology;
};

TEST_F(TopologyBuilderTest, EachHasTheNextVersion) {
  EXPECT_EQ(topology->version, 1U);
  put_in_force();
  EXPECT_EQ(topology->version, 2U);
}

TEST_F(TopologyBuilderTest, ItChangesNothing) {
  records[alice].dry = Dry::yes;
  const auto before = topology;
  (void)build();
  (void)build();
  EXPECT_EQ(topology, before);
  EXPECT_EQ(doors.next(alice, nullptr), Door::open) << "nothing was published";
}

TEST_F(TopologyBuilderTest, TheRecordSaysStateAndDoor) {
  records[alice] = {};
  records[bob].state = NodeState::maintenance;
  records[bob].displaced = Displaced::yes;
  put_in_force();
  EXPECT_EQ(view(alice).state, NodeState::bleeding);
  EXPECT_EQ(view(alice).door, Door::sessions_only);
  EXPECT_FALSE(view(alice).displaced);
  EXPECT_EQ(view(bob).state, NodeState::maintenance);
  EXPECT_EQ(view(bob).door, Door::shut);
  EXPECT_TRUE(view(bob).displaced);
}

TEST_F(TopologyBuilderTest, LiveFactsAreThoseOfTheTopologyBefore) {
  const auto before = topology;
  put_in_force();
  EXPECT_EQ(view(alice).node, before->find_node(alice)->node);
  EXPECT_EQ(view(alice).slot, nodes.at(alice).slot);
  EXPECT_EQ(topology->pools[0].counters, before->pools[0].counters);
}

TEST_F(TopologyBuilderTest, ANodePutBackIntoRotationRampsUp) {
  nodes.begin_slow_start(bob, Instant{7});
  put_in_force();
  EXPECT_EQ(view(alice).slow_start_since, std::nullopt);
  EXPECT_EQ(view(bob).slow_start_since, Instant{7});
}

TEST_F(TopologyBuilderTest, ARemovedNodeIsStillThere) {
  config.pools[0].nodes.pop_back();
  removed.add("shop", {"bob", {"127.0.0.1", 9002}, 0});
  records[bob].removed_from = conf::Address{"127.0.0.1", 9002};
  put_in_force();
  EXPECT_EQ(view(bob).door, Door::sessions_only);
  EXPECT_EQ(view(bob).weight, 0U);
}

TEST_F(TopologyBuilderTest, TheLastDoorsStayOpenUntilOthersAre) {
  config.pools[0].nodes = {{"carol", {"127.0.0.1", 9003}, 100}};
  for (const auto& id : {alice, bob}) {
    removed.add("shop", {id.name, {"127.0.0.1", 9001}, 0});
    records[id] = {};
    doors.note_change(id, topology->version + 1);
  }
  EXPECT_EQ(put_in_force(), (NodeIds{alice, bob}));
  EXPECT_EQ(view(alice).door, Door::open);
  EXPECT_EQ(view(alice).weight, 100U) << "as before";
  EXPECT_EQ(view("shop/carol"_node).door, Door::opening);
  doors.acknowledge(topology->version);
  EXPECT_TRUE(put_in_force().empty());
  EXPECT_EQ(view(alice).door, Door::sessions_only);
  EXPECT_EQ(view("shop/carol"_node).door, Door::open);
}

TEST_F(TopologyBuilderTest, ALedgerThatWasNotRestoredIsCompleteWhenAllHaveRunOut) {
  gap.since = Instant{5};
  put_in_force();
  EXPECT_EQ(topology->pools[0].ledger_complete_at,
            Instant{5} + session::longest_session(config.pools[0].session));
  config.pools[0].session.sticky = conf::Sticky::none;
  put_in_force();
  EXPECT_EQ(topology->pools[0].ledger_complete_at, Instant{0});
}

}  // namespace
}  // namespace bonedry::admin
