#include "admin/node_registry.h"

#include "session/mapped_ledger.h"
#include "tests/unit/control/node_literal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace bonedry::admin {
namespace {

class LiveNodesTest : public testing::Test {
 protected:
  LiveNodesTest() {
    conf::Pool& pool = config.pools.emplace_back();
    pool.name = "shop";
    pool.nodes.push_back({"alice", {"127.0.0.1", 9001}, 100});
  }
  void put_in_force(Authority authority = Authority::self) {
    ASSERT_TRUE(nodes.claim(config, removed, authority));
    nodes.adopt(config, removed, authority);
  }
  /// The address of a node in the ledger; "" if the ledger has none.
  [[nodiscard]] std::string known_at(const std::string& key) const {
    const auto all = ledger.nodes();
    const auto found = std::ranges::find(all, key, &session::LedgerNode::key);
    return found == all.end() ? "" : found->address;
  }

  const balancer::NodeId alice = "shop/alice"_node;
  session::MappedLedger ledger{100, Instant{1'000'000}};
  conf::Config config;
  RemovedNodes removed;
  NodeRegistry nodes{ledger};
};

TEST_F(LiveNodesTest, WhatIsLiveOutlivesAConfig) {
  put_in_force();
  const auto node = nodes.at(alice).node;
  node->set_health(balancer::Health::up);
  config.pools[0].health.active = true;
  put_in_force();
  EXPECT_EQ(nodes.at(alice).node, node);
  EXPECT_EQ(node->health(), balancer::Health::up);
}

TEST_F(LiveNodesTest, WithoutAPoolOrAnActiveCheckNobodyMeasures) {
  put_in_force();
  nodes.at(alice).node->set_health(balancer::Health::down);
  put_in_force();
  EXPECT_EQ(nodes.at(alice).node->health(), balancer::Health::unknown);
}

TEST_F(LiveNodesTest, TheLedgerHearsWhereANodeIsWhenTheConfigIsInForce) {
  ASSERT_TRUE(nodes.claim(config, removed, Authority::self));
  EXPECT_EQ(known_at("shop/alice"), "");
  nodes.adopt(config, removed, Authority::self);
  EXPECT_EQ(known_at("shop/alice"), "127.0.0.1:9001");
}

TEST_F(LiveNodesTest, WhereASuccessorDecidesItTellsTheLedger) {
  put_in_force(Authority::successor);
  EXPECT_TRUE(nodes.contains(alice));
  EXPECT_EQ(known_at("shop/alice"), "");
}

TEST_F(LiveNodesTest, RemovedNodesAreLiveToo) {
  removed.add("shop", {"bob", {"127.0.0.1", 9002}, 0});
  removed.add("gone", {"carol", {"127.0.0.1", 9003}, 0});
  put_in_force();
  EXPECT_TRUE(nodes.contains("shop/bob"_node));
  EXPECT_FALSE(nodes.contains("gone/carol"_node)) << "its pool is gone, too";
}

TEST_F(LiveNodesTest, AReleasedNodeIsNotThereAnyMore) {
  put_in_force();
  nodes.begin_slow_start(alice, Instant{7});
  nodes.release(alice);
  EXPECT_EQ(nodes.find(alice), nullptr);
  EXPECT_EQ(known_at("shop/alice"), "");
  put_in_force();
  EXPECT_EQ(nodes.at(alice).slow_start_since, std::nullopt);
}

}  // namespace
}  // namespace bonedry::admin
