#include "balancer/rendezvous.h"

#include "balancer/picker.h"
#include "proxy/base/random.h"
#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::balancer {
namespace {

using test::HandmadePool;
using test::kNow;

/// Random keys; the same in every run.
class Keys {
 public:
  PlacementKey next() { return {random_.next(), random_.next()}; }

 private:
  Random random_{7};
};

Picker picker() {
  return Picker(conf::Balance::least_sessions, conf::Sticky::insert, 1);
}

/// The node that a session with this key goes to; empty: none.
std::string node_for(const PlacementKey& key, HandmadePool& pool,
                     const std::vector<std::size_t>& tried = {}) {
  Picker some = picker();
  const auto index = some.pick_by_key(pool.view, key, tried, kNow);
  if (!index) return "";
  pool.node(*index).cancel_reservation();
  return pool.node(*index).name();
}

/// How many of `count` keys each node gets.
std::map<std::string, int> shares(HandmadePool& pool, int count) {
  std::map<std::string, int> counts;
  Keys keys;
  for (int i = 0; i < count; ++i) ++counts[node_for(keys.next(), pool)];
  return counts;
}

TEST(RendezvousTest, TheCostOfANodeIsTheSameEverywhere) {
  // Members of a cluster may run different builds on different machines: never change these.
  EXPECT_EQ(placement_cost({0, 0}, "alice"), 3688495609U);
  EXPECT_EQ(placement_cost({0x0123456789ABCDEF, 0xFEDCBA9876543210}, "alice"), 8077149355U);
  EXPECT_EQ(placement_cost({0x0123456789ABCDEF, 0xFEDCBA9876543210}, "bob"), 8577430599U);
}

TEST(RendezvousTest, TheCostIsALogarithm) {
  // For a uniform u, -log2(u) is above t with the probability 2^-t, and 1/ln 2 on average.
  Keys keys;
  constexpr int kKeys = 200'000;
  double sum = 0;
  int above_three = 0;
  for (int i = 0; i < kKeys; ++i) {
    const double cost = std::ldexp(static_cast<double>(placement_cost(keys.next(), "alice")), -32);
    sum += cost;
    if (cost > 3) ++above_three;
  }
  EXPECT_NEAR(sum / kKeys, 1 / std::log(2.0), 0.02);
  EXPECT_NEAR(static_cast<double>(above_three) / kKeys, 0.125, 0.005);
}

TEST(RendezvousTest, TheOrderOfTheNodesDoesNotMatter) {
  std::vector<std::string> names{"alice", "bob", "carol", "dave", "erin"};
  HandmadePool pool;
  for (const std::string& name : names) pool.add(name);
  Random shuffles(3);
  Keys keys;
  for (int i = 0; i < 2000; ++i) {
    for (std::size_t at = names.size(); at > 1; --at) {
      std::swap(names[at - 1], names[shuffles.below(static_cast<std::uint32_t>(at))]);
    }
    HandmadePool shuffled;
    for (const std::string& name : names) shuffled.add(name);
    for (std::size_t at = 0; at < names.size(); ++at) {
      pool[at].weight = 1 + static_cast<unsigned>(at) * 50;
    }
    for (NodeView& view : shuffled.view.nodes) {
      view.weight = find_node(pool.view, view.node->name())->weight;
    }
    const PlacementKey key = keys.next();
    EXPECT_EQ(node_for(key, pool), node_for(key, shuffled));
  }
}

TEST(RendezvousTest, WhenANodeGoesOnlyItsUsersMove) {
  HandmadePool pool;
  for (const char* name : {"alice", "bob", "carol", "dave"}) pool.add(name);
  pool[1].weight = 300;
  Keys keys;
  int moved = 0;
  for (int i = 0; i < 4000; ++i) {
    const PlacementKey key = keys.next();
    pool.close_door(2, NodeState::active, Door::open);
    const std::string before = node_for(key, pool);
    pool.close_door(2, NodeState::bleeding, Door::sessions_only);
    const std::string after = node_for(key, pool);
    EXPECT_NE(after, "carol");
    if (before == "carol") {
      ++moved;
    } else {
      EXPECT_EQ(before, after);
    }
  }
  EXPECT_GT(moved, 0);
}

TEST(RendezvousTest, AHigherWeightOnlyDrawsUsersToItsNode) {
  HandmadePool pool;
  for (const char* name : {"alice", "bob", "carol"}) pool.add(name);
  Keys keys;
  for (int i = 0; i < 4000; ++i) {
    const PlacementKey key = keys.next();
    pool[0].weight = 100;
    const std::string before = node_for(key, pool);
    pool[0].weight = 250;
    const std::string after = node_for(key, pool);
    EXPECT_TRUE(after == before || after == "alice") << before << " -> " << after;
  }
}

TEST(RendezvousTest, SharesFollowTheWeights) {
  HandmadePool pool;
  for (const char* name : {"alice", "bob", "carol"}) pool.add(name);
  pool[0].weight = 100;
  pool[1].weight = 300;
  pool[2].weight = 600;
  constexpr int kUsers = 30'000;
  const auto counts = shares(pool, kUsers);
  // Five standard deviations of a binomial distribution.
  const auto expect_share = [&counts](const std::string& name, double share) {
    const double bound = 5 * std::sqrt(kUsers * share * (1 - share));
    EXPECT_NEAR(counts.at(name), kUsers * share, bound) << name;
  };
  expect_share("alice", 0.1);
  expect_share("bob", 0.3);
  expect_share("carol", 0.6);
}

TEST(RendezvousTest, SimilarNamesGetEqualShares) {
  HandmadePool pool;
  for (int i = 0; i < 10; ++i) pool.add("node-" + std::to_string(i));
  constexpr int kUsers = 20'000;
  const auto counts = shares(pool, kUsers);
  ASSERT_EQ(counts.size(), 10U);
  for (const auto& [name, count] : counts) EXPECT_NEAR(count, kUsers / 10, 220) << name;
}

// -- Among which nodes

class PickByKeyTest : public testing::Test {
 protected:
  PickByKeyTest() {
    for (const char* name : {"alice", "bob", "carol"}) pool.add(name);
  }
  /// All nodes that some key leads to.
  std::string nodes() {
    std::string names;
    for (const auto& [name, count] : shares(pool, 300)) names += name + " ";
    return names;
  }
  HandmadePool pool;
};

TEST_F(PickByKeyTest, OnlyOpenNodesAreChosen) {
  pool.close_door(0, NodeState::bleeding, Door::held);
  EXPECT_EQ(nodes(), "bob carol ");
  pool.close_door(1, NodeState::active, Door::opening);
  EXPECT_EQ(nodes(), "carol ");
  pool.close_door(2, NodeState::maintenance, Door::shut);
  EXPECT_EQ(nodes(), " ") << "no node at all";
}

TEST_F(PickByKeyTest, NodesThatAreDownFullOrTriedAreLeftOut) {
  pool.node(0).set_health(Health::down);
  EXPECT_EQ(nodes(), "bob carol ");
  pool[1].max_sessions = 1;
  pool.set_live(1, 1);
  EXPECT_EQ(nodes(), "carol ");
  EXPECT_EQ(node_for({1, 2}, pool, {2}), "");
}

TEST_F(PickByKeyTest, AMarkedNodeIsForWhenNothingElseIsLeft) {
  pool.node(0).note_connect_failure(1, Millis{10'000}, kNow);
  EXPECT_EQ(nodes(), "bob carol ");
  pool.node(1).note_connect_failure(1, Millis{10'000}, kNow);
  pool.node(2).note_connect_failure(1, Millis{10'000}, kNow);
  EXPECT_EQ(nodes(), "alice bob carol ");
}

TEST_F(PickByKeyTest, ANodeThatAwaitsItsFirstCheckIsForWhenNothingElseIsLeft) {
  pool.view.config.health.active = true;
  pool.node(1).set_health(Health::up);
  EXPECT_EQ(nodes(), "bob ");
}

TEST_F(PickByKeyTest, WhatOnlyOneMemberSeesDoesNotCount) {
  pool.view.config.slow_start = Millis{60'000};
  pool[0].slow_start_since = kNow;
  pool[1].max_connections = 1;
  ASSERT_TRUE(pool.node(1).acquire_connection(1));
  EXPECT_EQ(nodes(), "alice bob carol ");
  pool.node(1).release_connection();
}

TEST_F(PickByKeyTest, CapacityIsReserved) {
  Picker some = picker();
  for (NodeView& view : pool.view.nodes) view.max_sessions = 1;
  std::vector<std::size_t> chosen;
  for (int i = 0; i < 3; ++i) chosen.push_back(*some.pick_by_key(pool.view, {5, 6}, {}, kNow));
  std::ranges::sort(chosen);
  EXPECT_EQ(chosen, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_FALSE(some.pick_by_key(pool.view, {5, 6}, {}, kNow));
  for (const std::size_t index : chosen) pool.node(index).cancel_reservation();
}

}  // namespace
}  // namespace bonedry::balancer
