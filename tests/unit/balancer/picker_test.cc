#include "balancer/picker.h"

#include "tests/unit/balancer/every_policy.h"
#include "tests/unit/balancer/handmade_pool.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace bonedry::balancer {
namespace {

using conf::Balance;
using conf::Sticky;
using test::kNow;

constexpr Millis kLongHold{10'000};

/// A pool of four nodes; every test runs under every policy.
class PickerTest : public testing::TestWithParam<Balance> {
 protected:
  PickerTest() : picker(GetParam(), Sticky::insert, 7) {
    for (const char* name : {"alice", "bob", "carol", "dave"}) pool.add(name);
  }

  std::optional<std::size_t> pick(const std::vector<std::size_t>& tried = {}) {
    return picker.pick(pool.view, Purpose::exchange, tried, kNow);
  }

  /// The nodes that were picked at least once in many picks.
  std::set<std::size_t> picked(const std::vector<std::size_t>& tried = {}) {
    std::set<std::size_t> seen;
    for (int i = 0; i < 400; ++i) {
      if (const auto index = pick(tried)) seen.insert(*index);
    }
    return seen;
  }

  void mark(std::size_t index) {
    ASSERT_TRUE(pool.node(index).note_connect_failure(1, kLongHold, kNow));
  }

  using Indexes = std::set<std::size_t>;
  test::HandmadePool pool;
  Picker picker;
};

INSTANTIATE_TEST_SUITE_P(All, PickerTest, test::every_policy(), test::name_of_param);

TEST_P(PickerTest, EveryActiveNodeIsPicked) {
  EXPECT_EQ(picked(), (Indexes{0, 1, 2, 3}));
}

TEST_P(PickerTest, WithoutThoseThatFailedEveryNodeComesOnceThenNobody) {
  for (int round = 0; round < 50; ++round) {
    std::vector<std::size_t> tried;
    while (const auto index = pick(tried)) tried.push_back(*index);
    EXPECT_EQ(Indexes(tried.begin(), tried.end()), (Indexes{0, 1, 2, 3}));
    EXPECT_EQ(tried.size(), 4U);
  }
}

TEST_P(PickerTest, ABleedingNodeIsNeverPicked) {
  pool.close_door(1, NodeState::bleeding, Door::sessions_only);
  EXPECT_EQ(picked(), (Indexes{0, 2, 3}));
}

TEST_P(PickerTest, ADryNodeIsNeverPicked) {
  pool.close_door(1, NodeState::bleeding, Door::shut);
  EXPECT_EQ(picked(), (Indexes{0, 2, 3}));
}

TEST_P(PickerTest, ANodeInMaintenanceIsNeverPicked) {
  pool.close_door(1, NodeState::maintenance, Door::shut);
  EXPECT_EQ(picked(), (Indexes{0, 2, 3}));
}

TEST_P(PickerTest, ANodeThatIsDownIsNeverPickedNotEvenAsTheLast) {
  pool.node(1).set_health(Health::down);
  EXPECT_EQ(picked(), (Indexes{0, 2, 3}));
  EXPECT_EQ(picked({0, 2, 3}), Indexes{});
}

TEST_P(PickerTest, ANodeWithoutWeightIsNeverPicked) {
  pool[1].weight = 0;
  EXPECT_EQ(picked(), (Indexes{0, 2, 3}));
}

TEST_P(PickerTest, AFullNodeGetsNoNewSession) {
  pool[1].max_sessions = 5;
  pool.set_live(1, 3);
  pool.set_pending(1, 2);
  const auto pick_for_session = [this](const std::vector<std::size_t>& tried) {
    const auto index = picker.pick(pool.view, Purpose::new_session, tried, kNow);
    if (index) pool.node(*index).cancel_reservation();
    return index;
  };
  EXPECT_EQ(pick_for_session({0, 2, 3}), std::nullopt);
  EXPECT_TRUE(pick_for_session({}));
  EXPECT_EQ(picked({0, 2, 3}), Indexes{1}) << "an exchange alone needs no place";
  pool.set_pending(1, 1);
  EXPECT_EQ(pick_for_session({0, 2, 3}), 1U);
}

TEST_P(PickerTest, NobodyIsPickedWhenNobodyMayBe) {
  for (std::size_t i = 0; i < 4; ++i) pool.close_door(i, NodeState::bleeding, Door::sessions_only);
  EXPECT_EQ(pick(), std::nullopt);
}

TEST_P(PickerTest, MarkedNodesAreLeftOutWhileOthersAreThere) {
  mark(0);
  mark(2);
  EXPECT_EQ(picked(), (Indexes{1, 3}));
}

TEST_P(PickerTest, MarkedNodesAreTriedWhenNothingElseIsLeft) {
  mark(0);
  mark(2);
  EXPECT_EQ(picked({1, 3}), (Indexes{0, 2}));
  pool.close_door(1, NodeState::bleeding, Door::sessions_only);
  pool.node(3).set_health(Health::down);
  EXPECT_EQ(picked(), (Indexes{0, 2}));
}

TEST_P(PickerTest, BeforeTheFirstCheckIsOverEverybodyServes) {
  pool.view.config.health.active = true;
  EXPECT_EQ(picked(), (Indexes{0, 1, 2, 3}));
}

TEST_P(PickerTest, ANodeWhoseFirstCheckIsNotOverIsLeftOutWhileOneIsKnownToBeUp) {
  pool.view.config.health.active = true;
  pool.node(2).set_health(Health::up);
  EXPECT_EQ(picked(), (Indexes{2}));
  pool[2].max_connections = 1;
  ASSERT_TRUE(pool.node(2).acquire_connection(1));
  EXPECT_EQ(picked(), (Indexes{2})) << "it is better to wait there";
  EXPECT_EQ(picked({2}), (Indexes{0, 1, 3}));
  mark(2);
  EXPECT_EQ(picked(), (Indexes{0, 1, 3})) << "it is not known to be up";
  for (const std::size_t awaits_first_check : Indexes{0, 1, 3}) mark(awaits_first_check);
  EXPECT_EQ(picked(), (Indexes{0, 1, 2, 3}));
}

TEST_P(PickerTest, ANodeThatIsUpButTakesNobodyKeepsNobodyFromTheOthers) {
  pool.view.config.health.active = true;
  pool.node(2).set_health(Health::up);
  pool.close_door(2, NodeState::bleeding, Door::sessions_only);
  EXPECT_EQ(picked(), (Indexes{0, 1, 3}));
}

TEST_P(PickerTest, WithoutChecksNobodyHasToBeProven) {
  pool.node(2).set_health(Health::up);
  EXPECT_EQ(picked(), (Indexes{0, 1, 2, 3}));
}

TEST_P(PickerTest, AMarkDoesNotOpenADoor) {
  for (std::size_t i = 0; i < 4; ++i) mark(i);
  pool.close_door(0, NodeState::bleeding, Door::sessions_only);
  pool.close_door(1, NodeState::maintenance, Door::shut);
  EXPECT_EQ(picked(), (Indexes{2, 3}));
}

TEST_P(PickerTest, AMarkThatIsPastIsForgotten) {
  mark(0);
  std::set<std::size_t> seen;
  for (int i = 0; i < 400; ++i) {
    seen.insert(picker.pick(pool.view, Purpose::exchange, {}, kNow + kLongHold).value());
  }
  EXPECT_TRUE(seen.contains(0));
}

TEST_P(PickerTest, ANewSessionBooksItsPlaceAndAnExchangeAloneNone) {
  const auto index = picker.pick(pool.view, Purpose::new_session, {}, kNow);
  ASSERT_TRUE(index);
  EXPECT_EQ(pool.node(*index).session_load(), 1);
  pool.node(*index).cancel_reservation();
  const auto plain = pick();
  ASSERT_TRUE(plain);
  EXPECT_EQ(pool.node(*plain).session_load(), 0);
}

TEST_P(PickerTest, ExchangesWithoutASessionDoNotAllGoWhereTheFewestUsersAre) {
  for (const std::size_t crowded : Indexes{0, 1, 2}) pool.set_live(crowded, 1000);
  EXPECT_EQ(picked(), (Indexes{0, 1, 2, 3}));
}

TEST_P(PickerTest, NewSessionsFillEveryNodeToItsLimitAndNoFurther) {
  for (std::size_t i = 0; i < 4; ++i) pool[i].max_sessions = i + 1;
  std::map<std::size_t, std::uint64_t> got;
  while (const auto index = picker.pick(pool.view, Purpose::new_session, {}, kNow)) ++got[*index];
  EXPECT_EQ(got, (std::map<std::size_t, std::uint64_t>{{0, 1}, {1, 2}, {2, 3}, {3, 4}}));
}

TEST_P(PickerTest, AnActiveNodeInAPoolOfClosedOnesGetsEverybody) {
  pool.close_door(0, NodeState::bleeding, Door::sessions_only);
  pool.close_door(1, NodeState::bleeding, Door::shut);
  pool.node(2).set_health(Health::down);
  EXPECT_EQ(picked(), (Indexes{3}));
}

TEST_P(PickerTest, AnEmptyPoolHasNobody) {
  const PoolView empty;
  EXPECT_EQ(picker.pick(empty, Purpose::new_session, {}, kNow), std::nullopt);
}

}  // namespace
}  // namespace bonedry::balancer
