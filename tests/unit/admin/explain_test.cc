#include "admin/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using balancer::Health;
using balancer::NodeState;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr WallTime kWall{1'700'000'000'000};
constexpr Instant kNow{1'000'000};

NodeStatus node(const std::string& name) {
  NodeStatus status;
  status.pool = "shop";
  status.name = name;
  status.health = Health::up;
  return status;
}

NodeStatus down(const std::string& name) {
  NodeStatus status = node(name);
  status.health = Health::down;
  status.health_age = minutes{3};
  status.last_check = CheckStatus{balancer::CheckResult::failed, "connect", "Connection refused",
                                  seconds{1}, Millis{0}};
  return status;
}

NodeStatus full(const std::string& name) {
  NodeStatus status = node(name);
  status.max_sessions = 2;
  status.live = status.pending = 1;
  return status;
}

NodeStatus bleeding(const std::string& name) {
  NodeStatus status = node(name);
  status.state = NodeState::bleeding;
  status.bleeding = BleedStatus{kWall - minutes{3}, "root", "update 4.2", {}, {}};
  status.dry_blocked_by = {"1 live session"};
  status.live = 1;
  return status;
}

std::vector<std::string> problems_of(const std::vector<NodeStatus>& nodes) {
  return problems(PoolStatus{"shop", nodes});
}

std::vector<std::string> explain(const NodeStatus& status,
                                 const session::SessionPage& oldest = {}) {
  return admin::explain(status, oldest, kWall, kNow);
}

TEST(Problems, APoolThatTakesNewUsersHasNone) {
  EXPECT_THAT(problems_of({node("alice"), node("bob")}), IsEmpty());
  EXPECT_THAT(problems_of({node("alice"), bleeding("bob")}), IsEmpty()) << "that is wanted";
}

TEST(Problems, NameWhatIsDownAndFull) {
  EXPECT_THAT(problems_of({node("alice"), down("bob"), full("carol")}),
              ElementsAre("shop/bob: down for 3m: connect: Connection refused",
                          "shop/carol: full (2 of 2 sessions)"));
}

TEST(Problems, APoolWithoutADoorSaysWhyInOneLine) {
  EXPECT_THAT(problems_of({full("alice"), down("bob"), bleeding("carol")}),
              ElementsAre("pool shop: no node takes new users: alice full (2 of 2 sessions), bob "
                          "down for 3m: connect: Connection refused, carol bleeding"));
}

TEST(Problems, RemovedNodesDoNotCount) {
  NodeStatus gone = bleeding("carol");
  gone.removed = true;
  EXPECT_THAT(problems_of({node("alice"), gone}), IsEmpty());
  EXPECT_THAT(problems_of({down("alice"), gone}),
              ElementsAre(HasSubstr("no node takes new users")));
}

TEST(Problems, FailedConnectsAndQueues) {
  NodeStatus marked = node("bob");
  marked.health = Health::down;
  NodeStatus busy = node("alice");
  busy.exchanges_waiting = 12;
  busy.max_connections = 2;
  EXPECT_THAT(problems_of({busy, marked}),
              ElementsAre("shop/alice: all its 2 connections are in use, 12 requests waiting",
                          "shop/bob: down: connections to it failed"));
}

TEST(OutOfRotation, IsWhatIsNotActiveWithWhoAndWhy) {
  Status status;
  NodeStatus dry = bleeding("carol");
  dry.dry = true;
  status.pools.push_back({.name = "shop", .nodes = {node("alice"), bleeding("bob"), dry}});
  const auto lines = out_of_rotation(status, kWall);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], testing::StartsWith("shop/bob bleeding for "));
  EXPECT_THAT(lines[1], testing::StartsWith("shop/carol dry, bleeding for "));
}

TEST(Explain, AnActiveNode) {
  EXPECT_THAT(explain(node("alice")), Contains("shop/alice is active and takes new users."));
  EXPECT_THAT(explain(full("alice")),
              Contains("shop/alice is active, but takes no new users: full (2 of 2 sessions)."));
}

TEST(Explain, WhoIsLeftOnABleedingNode) {
  session::SessionPage oldest;
  session::SessionInfo info;
  info.key = {0x1a2b3c4dULL << 32U, 0};
  info.created = kNow - minutes{5};
  info.last = kNow - seconds{2};
  info.exchanges = 12;
  info.tunnels_open = 1;
  oldest.rows.push_back(info);
  const auto lines = explain(bleeding("alice"), oldest);
  EXPECT_THAT(lines,
              Contains("shop/alice is bleeding for 3m by root, reason: update 4.2: its users "
                       "stay, new ones go elsewhere."));
  EXPECT_THAT(lines,
              Contains("  session 1a2b3c4d: began 5m ago, last click 2s ago, 12 exchanges, a "
                       "WebSocket is open"));
  EXPECT_THAT(lines, Contains("It is not dry: 1 live session."));
  EXPECT_THAT(lines.back(), HasSubstr("bonedryctl bleed shop/alice --deadline"));
}

TEST(Explain, WhatCanBeDone) {
  NodeStatus dry = bleeding("alice");
  dry.live = 0;
  dry.dry = true;
  dry.dry_blocked_by.clear();
  EXPECT_THAT(explain(dry).back(), HasSubstr("bonedryctl maintain shop/alice"));
  NodeStatus out = dry;
  out.state = NodeState::maintenance;
  EXPECT_THAT(explain(out).back(), HasSubstr("bonedryctl activate shop/alice"));
  NodeStatus gone = bleeding("alice");
  gone.removed = true;
  EXPECT_THAT(explain(gone).front(), HasSubstr("no longer in the config"));
  EXPECT_THAT(explain(gone).back(), Not(HasSubstr("bonedryctl")));
  NodeStatus crawled = bleeding("alice");
  crawled.live = 0;
  crawled.pending = 3;
  EXPECT_THAT(explain(crawled), Contains(HasSubstr("never sent their cookie back")));
}

}  // namespace
}  // namespace bonedry::admin
