#include "balancer/routing.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::balancer {
namespace {

using conf::OnLost;

/// One column of the table in docs/routing.md: the node that a request claims.
struct Column {
  const char* node;
  Door door;
  bool displaced;
  Reachable reachable;
};

constexpr std::array<Column, 10> kColumns{{
    {"active", Door::open, false, Reachable::yes},
    {"bleeding, not dry", Door::sessions_only, false, Reachable::yes},
    {"dry, or in maintenance", Door::shut, false, Reachable::yes},
    {"shut by a deadline or by force", Door::shut, true, Reachable::yes},
    {"active but down", Door::open, false, Reachable::no},
    {"bleeding and down", Door::sessions_only, false, Reachable::no},
    {"dry and down", Door::shut, false, Reachable::no},
    {"shut by a deadline, and down", Door::shut, true, Reachable::no},
    {"held", Door::held, false, Reachable::yes},
    {"held and down", Door::held, false, Reachable::no},
}};

struct Row {
  const char* request;
  Claim claim;
  OnLost on_lost;
  std::array<RouteDecision, kColumns.size()> verdicts;
};

std::vector<Row> rows() {
  using enum RouteDecision;
  return {
      // active, bleeding, dry, taken; the same when down; held, held and down
      {"a session, rescue",
       Claim::session,
       OnLost::rescue,
       {session_node, session_node, late, moved, rescued, rescued, late, moved, held, held}},
      {"a session, fail",
       Claim::session,
       OnLost::fail,
       {session_node, session_node, late, moved, node_down, node_down, late, moved, held, held}},
      // The session was already taken off its node: an activated node takes it back, any other
      // sends it on.
      {"a displaced session, rescue",
       Claim::displaced,
       OnLost::rescue,
       {session_node, moved, moved, moved, rescued, moved, moved, moved, moved, moved}},
      {"a displaced session, fail",
       Claim::displaced,
       OnLost::fail,
       {session_node, moved, moved, moved, node_down, moved, moved, moved, moved, moved}},
      {"an expired session, rescue",
       Claim::ended,
       OnLost::rescue,
       {session_node, late, late, moved, late, late, late, moved, late, late}},
      {"an expired session, fail",
       Claim::ended,
       OnLost::fail,
       {session_node, late, late, moved, late, late, late, moved, late, late}},
      // Only comes with a held door; elsewhere it is like a session.
      {"an uncertain session, rescue",
       Claim::uncertain,
       OnLost::rescue,
       {session_node, session_node, late, moved, rescued, rescued, late, moved, held, held}},
      {"an uncertain session, fail",
       Claim::uncertain,
       OnLost::fail,
       {session_node, session_node, late, moved, node_down, node_down, late, moved, held, held}},
      {"a pass, rescue",
       Claim::pass,
       OnLost::rescue,
       {pass_node, pass_node, pass_node, pass_node, node_down, node_down, node_down, node_down,
        pass_node, node_down}},
      {"a pass, fail",
       Claim::pass,
       OnLost::fail,
       {pass_node, pass_node, pass_node, pass_node, node_down, node_down, node_down, node_down,
        pass_node, node_down}},
      {"no session, rescue",
       Claim::none,
       OnLost::rescue,
       {new_session, new_session, new_session, new_session, new_session, new_session, new_session,
        new_session, new_session, new_session}},
      {"no session, fail",
       Claim::none,
       OnLost::fail,
       {new_session, new_session, new_session, new_session, new_session, new_session, new_session,
        new_session, new_session, new_session}},
  };
}

NodeView view_of(const Column& column) {
  NodeView view;
  view.door = column.door;
  view.displaced = column.displaced;
  return view;
}

TEST(RoutingTest, EveryCellIsAsTheTableSays) {
  for (const Row& row : rows()) {
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const Column& column = kColumns[i];
      EXPECT_EQ(route(row.claim, view_of(column), column.reachable, row.on_lost), row.verdicts[i])
          << row.request << " / node " << column.node;
    }
  }
}

TEST(RoutingTest, NobodyEntersAClosedDoorWhateverTheyBring) {
  for (const Row& row : rows()) {
    for (const Column& column : kColumns) {
      if (!is_closed(column.door)) continue;
      EXPECT_NE(route(row.claim, view_of(column), column.reachable, row.on_lost),
                RouteDecision::session_node)
          << row.request << " / node " << column.node;
    }
  }
}

TEST(RoutingTest, OnlyAPassLeadsToTheNodeOfAPass) {
  for (const Row& row : rows()) {
    for (const Column& column : kColumns) {
      const RouteDecision decision =
          route(row.claim, view_of(column), column.reachable, row.on_lost);
      if (decision == RouteDecision::pass_node) {
        EXPECT_EQ(row.claim, Claim::pass) << row.request << " / node " << column.node;
      }
    }
  }
}

TEST(RoutingTest, OnlyALivingSessionOfItsOwnEntersABleedingNode) {
  for (const Row& row : rows()) {
    for (const Column& column : kColumns) {
      if (column.door != Door::sessions_only) continue;
      const RouteDecision decision =
          route(row.claim, view_of(column), column.reachable, row.on_lost);
      if (decision == RouteDecision::session_node) {
        EXPECT_TRUE(row.claim == Claim::session || row.claim == Claim::uncertain)
            << row.request << " / node " << column.node;
      }
    }
  }
}

TEST(RoutingTest, NoSessionLeavesANodeWhoseDoorIsHeld) {
  for (const Claim claim : {Claim::session, Claim::uncertain}) {
    for (const Reachable reachable : {Reachable::yes, Reachable::no}) {
      for (const OnLost on_lost : {OnLost::rescue, OnLost::fail}) {
        NodeView view;
        view.door = Door::held;
        EXPECT_EQ(route(claim, view, reachable, on_lost), RouteDecision::held);
      }
    }
  }
}

TEST(RoutingTest, NobodyIsSentToANodeThatCannotBeReached) {
  for (const Row& row : rows()) {
    for (const Column& column : kColumns) {
      if (column.reachable == Reachable::yes) continue;
      EXPECT_NE(route(row.claim, view_of(column), column.reachable, row.on_lost),
                RouteDecision::session_node)
          << row.request << " / node " << column.node;
    }
  }
}

TEST(RoutingTest, AUserWhoMustLeaveAnywayIsNotTurnedAwayBecauseTheOldNodeIsDown) {
  NodeView dry;
  dry.door = Door::shut;
  EXPECT_EQ(route(Claim::session, dry, Reachable::no, OnLost::fail), RouteDecision::late);
}

}  // namespace
}  // namespace bonedry::balancer
