// Where users go who must leave their node, if the sessions' keys decide.
#include "balancer/picker.h"
#include "tests/unit/proxy/exchange_wait_rig.h"

#include <gtest/gtest.h>

#include <set>

namespace bonedry::proxy::test {
namespace {

class ExchangePlacementTest : public ExchangeWaitTest {
 protected:
  static constexpr std::uint64_t kUsers = 24;

  ExchangePlacementTest() {
    pool_.placement = balancer::KeyedPlacement::by_key;
    add_carol();
  }

  static SessionKey key_of(std::uint64_t user) {
    return {user * 0x9E3779B97F4A7C15, user * 0xBF58476D1CE4E5B9};
  }
  /// What another proxy chooses for this user.
  [[nodiscard]] std::string chosen_elsewhere(std::uint64_t user) const {
    balancer::Picker picker(conf::Balance::random, conf::Sticky::insert, user);
    const SessionKey key = key_of(user);
    const auto index = picker.pick_by_key(pool_, {key.high, key.low}, {}, now());
    pool_.nodes[*index].node->cancel_reservation();
    return pool_.nodes[*index].node->name();
  }
  /// The node to which this user's request goes.
  [[nodiscard]] std::string sent_to(std::uint64_t user) {
    ask_with(cookie_on(kAlice, key_of(user)));
    const std::string sent = log.empty() ? "" : log.back();
    exchange.on_downstream_lost();
    return sent.substr(3, sent.find(':') - 3);
  }
  void expect_as_elsewhere() {
    std::set<std::string> names;
    for (std::uint64_t user = 1; user <= kUsers; ++user) {
      const std::string expected = chosen_elsewhere(user);
      EXPECT_EQ(sent_to(user), expected) << user;
      names.insert(expected);
    }
    EXPECT_EQ(names, (std::set<std::string>{"bob", "carol"}));
  }
};

TEST_F(ExchangePlacementTest, LateUsersGoByTheirKeys) {
  inquiries_ = nullptr;  // whose sessions have ended
  set_door(kAlice, NodeState::bleeding, Door::sessions_only);
  expect_as_elsewhere();
}

TEST_F(ExchangePlacementTest, MovedUsersGoByTheirKeys) {
  for (std::uint64_t user = 1; user <= kUsers; ++user) adopt(kAlice, key_of(user));
  pool_.nodes[kAlice].displaced = true;
  (void)ledger().displace(pool_.nodes[kAlice].slot);
  set_door(kAlice, NodeState::bleeding, Door::shut);
  expect_as_elsewhere();
  EXPECT_EQ(node(kAlice).counters.moved, kUsers);
  EXPECT_EQ(members.told, static_cast<int>(kUsers)) << "the others hear of each at once";
}

TEST_F(ExchangePlacementTest, AFencedMemberMovesItsUsersOffNodesOutOfRotation) {
  for (std::uint64_t user = 1; user <= kUsers; ++user) adopt(kAlice, key_of(user));
  set_door(kAlice, NodeState::bleeding, Door::sessions_only);
  EXPECT_EQ(sent_to(1), "alice") << "the others still wait for this member";
  fence();
  expect_as_elsewhere();
  EXPECT_EQ(node(kAlice).counters.moved, kUsers);
}

TEST_F(ExchangePlacementTest, AFencedMemberLeavesUsersOnActiveNodes) {
  adopt(kAlice, key_of(1));
  fence();
  EXPECT_EQ(sent_to(1), "alice");
}

TEST_F(ExchangePlacementTest, RescuedUsersGoByTheirKeys) {
  for (std::uint64_t user = 1; user <= kUsers; ++user) adopt(kAlice, key_of(user));
  node(kAlice).set_health(balancer::Health::down);
  expect_as_elsewhere();
  EXPECT_EQ(node(kAlice).counters.rescued, kUsers);
}

TEST_F(ExchangePlacementTest, NewUsersGoByThePolicy) {
  std::vector<std::size_t> asked;
  for (int i = 0; i < 6; ++i) {
    ask(kPage);
    exchange.on_downstream_lost();
    exchange.reset();
  }
  for (const ScriptedNode& each : nodes_) asked.push_back(each.asked.size());
  EXPECT_EQ(asked, (std::vector<std::size_t>{2, 2, 2})) << "in turn";
}

TEST_F(ExchangePlacementTest, OneProxyAloneGoesByThePolicy) {
  inquiries_ = nullptr;
  pool_.placement = balancer::KeyedPlacement::by_policy;
  set_door(kAlice, NodeState::bleeding, Door::sessions_only);
  std::string in_turn;
  for (std::uint64_t user = 1; user <= 8; ++user) in_turn += sent_to(user) + " ";
  EXPECT_TRUE(in_turn == "bob carol bob carol bob carol bob carol " ||
              in_turn == "carol bob carol bob carol bob carol bob ")
      << in_turn;
}

}  // namespace
}  // namespace bonedry::proxy::test
