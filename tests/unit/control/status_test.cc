#include "admin/control_plane.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

namespace bonedry::admin {
namespace {

using test::minutes;
using test::seconds;

class StatusTest : public test::ControlTest {
 protected:
  void add_pool(const std::string& name) {
    conf::Pool pool = shop();
    pool.name = name;
    config.pools.push_back(pool);
    start();
  }
  [[nodiscard]] std::string resolved(const std::string& text) const {
    const Result<balancer::NodeId, CommandError> id = control->resolve_node(text);
    return id ? id->text() : "error: " + id.error().text;
  }
};

TEST_F(StatusTest, ANodeIsFoundByPoolAndName) {
  EXPECT_EQ(resolved("shop/bob"), "shop/bob");
}

TEST_F(StatusTest, ANameAloneIsEnoughWhereItIsUnique) {
  EXPECT_EQ(resolved("bob"), "shop/bob");
  add_pool("blog");
  EXPECT_EQ(resolved("bob"),
            "error: node 'bob' is in several pools; use one of: shop/bob, blog/bob");
  EXPECT_EQ(resolved("blog/bob"), "blog/bob");
}

TEST_F(StatusTest, AnUnknownNodeIsAnErrorThatNamesThoseThereAre) {
  const std::string there = "known nodes: shop/alice, shop/bob, shop/carol";
  EXPECT_EQ(resolved("dave"), "error: unknown node 'dave'; " + there);
  EXPECT_EQ(resolved("shop/dave"), "error: unknown node 'shop/dave'; " + there);
  EXPECT_EQ(resolved("blog/alice"), "error: unknown node 'blog/alice'; " + there);
  EXPECT_EQ(resolved(""), "error: unknown node ''; " + there);
}

TEST_F(StatusTest, ALongListOfNodesIsCut) {
  for (int i = 0; i < 50; ++i) shop().nodes.push_back(node("n" + std::to_string(i)));
  start();
  const std::string text = resolved("dave");
  EXPECT_NE(text.find("…"), std::string::npos);
  EXPECT_EQ(text.find("n49"), std::string::npos);
}

TEST_F(StatusTest, AllPoolsOrOne) {
  add_pool("blog");
  EXPECT_EQ(control->status(std::nullopt)->pools.size(), 2U);
  const Result<Status, CommandError> one = control->status("blog");
  ASSERT_TRUE(one);
  ASSERT_EQ(one->pools.size(), 1U);
  EXPECT_EQ(one->pools[0].name, "blog");
  EXPECT_EQ(one->pools[0].nodes.size(), 3U);
  const Result<Status, CommandError> none = control->status("nix");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().text, "unknown pool 'nix'; known pools: shop, blog");
}

TEST_F(StatusTest, ANodesFiguresAreAllThere) {
  shop().nodes[0].weight = 50;
  shop().nodes[0].max_sessions = 9;
  start();
  add_user("shop/alice", 1);
  add_user("shop/alice", 2);
  add_crawler("shop/alice", 3);
  balancer::Node& alice = *view("shop/alice").node;
  alice.set_health(balancer::Health::up);
  alice.open_exchange();
  alice.open_exchange();
  alice.close_exchange(clock.now());
  for (int i = 0; i < 4; ++i) alice.open_tunnel();
  alice.counters.begun = 5;
  alice.counters.moved = 6;
  alice.counters.rescued = 7;
  alice.counters.late = 8;
  alice.counters.logged_out = 9;
  clock.advance(seconds{12});
  const NodeStatus one = status("shop/alice");
  EXPECT_EQ(one.address, "127.0.0.1:9097");
  EXPECT_EQ(one.weight, 50U);
  EXPECT_EQ(one.max_sessions, 9U);
  EXPECT_EQ(one.state, balancer::NodeState::active);
  EXPECT_EQ(one.health, balancer::Health::up);
  EXPECT_EQ(one.live, 2);
  EXPECT_EQ(one.pending, 1);
  EXPECT_EQ(one.exchanges_open, 1);
  EXPECT_EQ(one.websockets_open, 4);
  EXPECT_EQ(one.begun, 5U);
  EXPECT_EQ(one.moved, 6U);
  EXPECT_EQ(one.rescued, 7U);
  EXPECT_EQ(one.late, 8U);
  EXPECT_EQ(one.logged_out, 9U);
  EXPECT_EQ(one.last_exchange_age, seconds{12});
  EXPECT_FALSE(status("shop/bob").last_exchange_age) << "nobody was there yet";
}

TEST_F(StatusTest, TheTrafficOfTheLastSecondsIsKnownFromTheSecondOn) {
  start();
  balancer::NodeMeter& alice = view("shop/alice").node->meters.of_worker(0);
  control->tick();
  EXPECT_FALSE(status("shop/alice").traffic);
  for (int i = 0; i < 6; ++i) alice.note_end(i == 0 ? 503 : 200);
  alice.duration.note(Millis{4});
  clock.advance(seconds{2});
  control->tick();
  const auto traffic = status("shop/alice").traffic;
  ASSERT_TRUE(traffic);
  EXPECT_DOUBLE_EQ(traffic->requests_per_second, 3);
  EXPECT_DOUBLE_EQ(traffic->errors_per_second, 0.5);
  EXPECT_DOUBLE_EQ(*traffic->median_s, 0.0025);
  EXPECT_DOUBLE_EQ(status("shop/bob").traffic->requests_per_second, 0);
}

TEST_F(StatusTest, ABleedHasItsAgeWhateverTheDateIs) {
  bleed("shop/alice");
  clock.advance(minutes{3});
  clock.jump_wall(minutes{60});
  EXPECT_EQ(status("shop/alice").bleeding->age, minutes{3});
}

TEST_F(StatusTest, WhatTheProcessBeforeHasCountedIsAmongTheFiguresOfANode) {
  start();
  balancer::Node& alice = *view("shop/alice").node;
  alice.counters.begun = 5;
  balancer::NodeTotals before;
  before.begun = 100;
  before.reuses = 7;
  alice.meters.set_inherited(before);
  EXPECT_EQ(status("shop/alice").begun, 105U);
  EXPECT_EQ(status("shop/alice").totals.reuses, 7U);
}

TEST_F(StatusTest, AFailingBleedingNodeIsStillShownAsBleeding) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  view("shop/alice").node->set_health(balancer::Health::down);
  EXPECT_EQ(status("shop/alice").state, balancer::NodeState::bleeding);
  EXPECT_EQ(status("shop/alice").health, balancer::Health::down);
  EXPECT_EQ(status("shop/alice").live, 1);
}

TEST_F(StatusTest, AMarkedNodeIsShownAsDownWhileTheMarkLasts) {
  view("shop/alice").node->note_connect_failure(1, seconds{10}, clock.now());
  EXPECT_EQ(status("shop/alice").health, balancer::Health::down);
  clock.advance(seconds{10});
  EXPECT_EQ(status("shop/alice").health, balancer::Health::unknown);
}

TEST_F(StatusTest, TheLedgerIsShown) {
  add_user("shop/alice", 1);
  add_user("shop/bob", 2);
  Result<Status, CommandError> all = control->status(std::nullopt);
  EXPECT_EQ(all->sessions, 2U);
  EXPECT_EQ(all->capacity, 1000U);
  EXPECT_EQ(all->evicted, 0U);
  EXPECT_TRUE(all->complete);
  EXPECT_FALSE(all->complete_in);
  restart();
  clock.advance(minutes{5});
  all = control->status(std::nullopt);
  EXPECT_FALSE(all->complete);
  EXPECT_EQ(all->complete_in, minutes{15});
  clock.advance(minutes{15});
  EXPECT_TRUE(control->status(std::nullopt)->complete);
}

TEST_F(StatusTest, AFullLedgerIsCountedAndReportedNowAndThen) {
  for (std::uint64_t i = 0; i < 1010; ++i) add_crawler("shop/alice", i);
  control->tick();
  EXPECT_EQ(control->status(std::nullopt)->evicted, 10U);
  EXPECT_EQ(events_of("evict").find("the ledger is full (1000 sessions): 10 sessions "), 0U)
      << events_of("evict");
  for (std::uint64_t i = 2000; i < 2005; ++i) add_crawler("shop/alice", i);
  control->tick();
  EXPECT_EQ(events_of("evict").find(" | "), std::string::npos) << "not at every tick";
  clock.advance(seconds{10});
  control->tick();
  EXPECT_NE(events_of("evict").find(" | the ledger is full (1000 sessions): 5 sessions "),
            std::string::npos)
      << events_of("evict");
}

TEST_F(StatusTest, SessionsOfANodeAreListedLongestIdleFirst) {
  add_user("shop/alice", 1);
  clock.advance(seconds{5});
  add_user("shop/alice", 2);
  add_user("shop/bob", 3);
  const auto page = control->sessions("shop/alice"_node, {});
  ASSERT_EQ(page.rows.size(), 2U);
  EXPECT_EQ(page.rows[0].key.low, 1U);
  EXPECT_EQ(page.total, 2U);
}

TEST_F(StatusTest, WorkOfManyTicksIsDoneInTurnUntilItIsDoneOrCancelled) {
  using Work = ControlPlane::TaskProgress;
  std::string done;
  const auto work = [&done](char name, int pieces) {
    return [&done, name, left = pieces]() mutable {
      done += name;
      return --left == 0 ? Work::done : Work::more;
    };
  };
  control->add_task(work('a', 2));
  const auto cancelled = control->add_task(work('b', 9));
  control->add_task(work('c', 3));
  EXPECT_EQ(done, "") << "not from inside the call";
  for (int i = 0; i < 4; ++i) control->tick();
  EXPECT_EQ(done, "abca");
  control->cancel_task(cancelled);
  for (int i = 0; i < 9; ++i) control->tick();
  EXPECT_EQ(done, "abcacc");
}

TEST_F(StatusTest, TheLastPendingSessionIsForetoldWhileTheNodeIsOutOfRotation) {
  const auto ends_in = [this] { return status("shop/alice").bleeding->pending_ends_in; };
  add_user("shop/alice", 1);
  add_crawler("shop/alice", 2);
  clock.advance(minutes{1});
  add_crawler("shop/alice", 3);
  bleed("shop/alice");
  EXPECT_FALSE(ends_in()) << "nobody has looked yet";
  control->tick();
  EXPECT_EQ(ends_in(), kIdle);
  pass(minutes{5});
  EXPECT_EQ(ends_in(), kIdle - minutes{5});
  click(3);  // not a crawler after all
  pass(seconds{1});
  EXPECT_EQ(ends_in(), kIdle - minutes{6} - seconds{1});
  pass(kIdle - minutes{6});
  EXPECT_EQ(status("shop/alice").pending, 0);
  EXPECT_FALSE(ends_in());
}

TEST_F(StatusTest, ListenersAreShownAsTheyWereBound) {
  control->set_data_plane({{"127.0.0.1:8080", "shop"}}, [] { return TrafficStatus{}; });
  const Result<Status, CommandError> all = control->status(std::nullopt);
  ASSERT_EQ(all->listeners.size(), 1U);
  EXPECT_EQ(all->listeners[0].address, "127.0.0.1:8080");
}

}  // namespace
}  // namespace bonedry::admin
