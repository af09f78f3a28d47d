#include "balancer/topology.h"

#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

namespace bonedry::balancer {
namespace {

TEST(TopologyTest, PoolsAndNodesAreFoundByName) {
  test::HandmadePool shop;
  shop.add("alice");
  shop.add("bob");
  Topology topology;
  topology.pools.push_back(shop.view);

  const PoolView* const pool = topology.find_pool("shop");
  ASSERT_NE(pool, nullptr);
  const NodeView* const bob = find_node(*pool, "bob");
  ASSERT_NE(bob, nullptr);
  EXPECT_EQ(bob->node->key(), "shop/bob");
}

TEST(TopologyTest, WhatIsNotThereIsNotFound) {
  test::HandmadePool shop;
  shop.add("alice");
  Topology topology;
  topology.pools.push_back(shop.view);
  EXPECT_EQ(topology.find_pool("sho"), nullptr);
  EXPECT_EQ(topology.find_pool(""), nullptr);
  EXPECT_EQ(find_node(topology.pools.front(), "shop/alice"), nullptr);
  EXPECT_EQ(find_node(topology.pools.front(), "Alice"), nullptr);
}

TEST(TopologyTest, ConsecutiveTopologiesShareTheFactsOfANode) {
  test::HandmadePool shop;
  shop.add("alice");
  Topology before;
  before.pools.push_back(shop.view);
  const Topology after = before;
  before.pools.front().nodes.front().node->open_exchange();
  EXPECT_EQ(after.pools.front().nodes.front().node->exchanges_open(), 1);
}

TEST(TopologyTest, StatesAndHealthsHaveTheWordsOfTheDesign) {
  EXPECT_STREQ(to_string(NodeState::active), "active");
  EXPECT_STREQ(to_string(NodeState::bleeding), "bleeding");
  EXPECT_STREQ(to_string(NodeState::maintenance), "maintenance");
  EXPECT_STREQ(to_string(Health::up), "up");
  EXPECT_STREQ(to_string(Health::down), "down");
  EXPECT_STREQ(to_string(Health::unknown), "unknown");
}

}  // namespace
}  // namespace bonedry::balancer
