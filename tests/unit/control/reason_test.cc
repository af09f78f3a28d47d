// The reason of a bleed stays true when the config changes, and pools that come back bring no nodes
// that are no longer configured.

#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace bonedry::admin::test {
namespace {

using testing::HasSubstr;

class ReasonTest : public ControlTest {
 protected:
  void remove(const std::string& name) {
    std::erase_if(shop().nodes, [&name](const conf::Node& one) { return one.name == name; });
  }
  [[nodiscard]] std::string reason(const std::string& key = "shop/alice") const {
    const NodeStatus its_status = status(key);
    return its_status.bleeding ? its_status.bleeding->reason : "it is active";
  }
};

TEST_F(ReasonTest, ANodeThatCameBackBleedsOnAndSaysWhy) {
  const conf::Pool before = shop();
  add_user("shop/alice", 1);
  remove("alice");
  reload();
  ASSERT_EQ(reason(), "removed from the config");
  shop() = before;
  reload();
  EXPECT_EQ(reason(), "was removed from the config");
  EXPECT_EQ(written().at("shop/alice"_node).reason, "was removed from the config");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  remove("alice");
  reload();
  EXPECT_EQ(reason(), "removed from the config");
}

TEST_F(ReasonTest, ANodeWhoseWeightIsBackBleedsOnAndSaysWhy) {
  shop().nodes[0].weight = 0;
  reload();
  ASSERT_EQ(reason(), "weight is 0");
  shop().nodes[0].weight = 100;
  reload();
  EXPECT_EQ(reason(), "weight was 0");
  EXPECT_NE(door("shop/alice"), "active, open");
  shop().nodes[0].weight = 0;
  reload();
  EXPECT_EQ(reason(), "weight is 0");
  add_user("shop/alice", 1);
  remove("alice");
  reload();
  EXPECT_EQ(reason(), "removed from the config");
}

TEST_F(ReasonTest, ARestartKeepsItTrueToo) {
  const conf::Pool before = shop();
  add_user("shop/alice", 1);
  remove("alice");
  shop().nodes[0].weight = 0;  // bob
  reload();
  shop() = before;
  restart_on_ledger();
  EXPECT_EQ(reason("shop/alice"), "was removed from the config");
  EXPECT_EQ(reason("shop/bob"), "weight was 0");
  EXPECT_EQ(written().at("shop/bob"_node).reason, "weight was 0");
}

TEST_F(ReasonTest, TheReasonOfAnOperatorStays) {
  BleedRequest request;
  request.reason = "kernel 6.1";
  add_user("shop/alice", 1);
  bleed("shop/alice", request);
  const conf::Pool before = shop();
  shop().nodes[0].weight = 0;
  reload();
  remove("alice");
  reload();
  shop() = before;
  reload();
  EXPECT_EQ(reason(), "kernel 6.1");
}

TEST_F(ReasonTest, OfANodeInMaintenanceItIsKeptTrueAsWell) {
  shop().nodes[0].weight = 0;
  reload();
  settle();
  maintain("shop/alice");
  shop().nodes[0].weight = 100;
  reload();
  EXPECT_EQ(reason(), "weight was 0");
}

// -- Pools that come back -------------------------------------------------------------------------

class ReturningPoolTest : public ReasonTest {
 protected:
  ReturningPoolTest() {
    blog = shop();
    blog.name = "blog";
    config.pools.push_back(blog);
    start();
  }

  /// Removes the pool; when it comes back, it has no alice.
  void away() {
    config.pools.resize(1);
    ASSERT_THAT(reload(), HasSubstr("reloaded"));
    settle();
    std::erase_if(blog.nodes, [](const conf::Node& one) { return one.name == "alice"; });
  }
  void back() {
    config.pools.push_back(blog);
    ASSERT_THAT(reload(), HasSubstr("reloaded"));
  }
  [[nodiscard]] bool there() const {
    return balancer::find_node(*control->topology()->find_pool("blog"), "alice") != nullptr;
  }
  /// Does what an upgrade does: starts another process on the same ledger beside this one.
  void upgrade() {
    const auto load = [this]() -> Result<conf::Config> { return config; };
    control->begin_standby();
    control = std::make_unique<ControlPlane>(
        ControlPlane::Parts{clock,
                            *ledger,
                            publisher,
                            store,
                            passes,
                            events,
                            load,
                            {},
                            ControlPlane::Parts::OtherProcess::predecessor},
        config, written(), std::nullopt);
  }

  conf::Pool blog;
};

TEST_F(ReturningPoolTest, ItBringsNobodyBackWhoIsNotThere) {
  away();
  back();
  EXPECT_FALSE(there());
  EXPECT_EQ(control->resolve_node("alice").has_value(), true);
  EXPECT_TRUE(written().empty());
}

TEST_F(ReturningPoolTest, NorAtARestartOrAnUpgrade) {
  away();
  config.pools.push_back(blog);
  restart_on_ledger();
  EXPECT_FALSE(there());
  config.pools.resize(1);
  reload();
  settle();
  config.pools.push_back(blog);
  upgrade();
  EXPECT_FALSE(there());
}

TEST_F(ReturningPoolTest, NorANodeThatHadBeenRemovedFromItBefore) {
  add_user("blog/alice", 1);
  const conf::Pool whole = blog;
  std::erase_if(config.pools[1].nodes, [](const conf::Node& one) { return one.name == "alice"; });
  reload();
  ASSERT_TRUE(written().contains("blog/alice"_node));
  away();
  pass(kIdle + seconds{1});
  EXPECT_FALSE(written().contains("blog/alice"_node)) << "nobody is on it any more";
  config.pools.push_back(blog);
  upgrade();
  EXPECT_FALSE(there());
  EXPECT_TRUE(written().empty());
}

TEST_F(ReturningPoolTest, ANodeWithUsersBleedsUntilTheyHaveLeft) {
  add_user("blog/alice", 1);
  away();
  back();
  ASSERT_TRUE(there());
  EXPECT_EQ(door("blog/alice"), "bleeding, sessions_only");
  EXPECT_EQ(reason("blog/alice"), "removed from the config");
  EXPECT_EQ(status("blog/alice").live, 1);
  EXPECT_EQ(written().at("blog/alice"_node).state, NodeState::bleeding);
  publisher.acknowledge();
  pass(kIdle + seconds{1});
  EXPECT_FALSE(there());
}

TEST_F(ReturningPoolTest, ABleedOfANodeThatItStillHasIsNotForgotten) {
  bleed("blog/bob");
  settle();
  away();
  back();
  EXPECT_NE(door("blog/bob"), "active, open");
}

TEST_F(ReturningPoolTest, WhatAFailedUpgradeHadAloneIsNotTakenForOurs) {
  away();
  control->begin_standby();
  ledger->set_address(ledger->slot_of("blog/dave"), "127.0.0.1:9000");
  control->end_standby();
  settle();
  config.pools.push_back(blog);
  upgrade();
  EXPECT_EQ(balancer::find_node(*control->topology()->find_pool("blog"), "dave"), nullptr);
}

TEST_F(ReturningPoolTest, ARemovedNodeMakesNoShortNameAmbiguous) {
  std::erase_if(config.pools[1].nodes, [](const conf::Node& one) { return one.name == "alice"; });
  add_user("blog/alice", 1);
  add_user("blog/bob", 2);
  config.pools[1].nodes.clear();
  config.pools[1].nodes.push_back(node("dave"));
  config.pools[0].nodes.erase(config.pools[0].nodes.begin() + 1);  // bob
  reload();
  ASSERT_TRUE(there());
  EXPECT_EQ(*control->resolve_node("alice"), "shop/alice"_node);
  EXPECT_EQ(*control->resolve_node("blog/alice"), "blog/alice"_node);
  EXPECT_THAT(control->resolve_node("bob").error().text, HasSubstr("is in several pools"));
}

// -- Times ----------------------------------------------------------------------------------------

TEST_F(ReasonTest, ARemovedNodeHasTheNewTimesOfItsPool) {
  add_user("shop/alice", 1);
  remove("alice");
  reload();
  shop().session.idle_timeout = shop().session.pending_timeout = minutes{2};
  reload();
  pass(minutes{2} + seconds{1});
  EXPECT_EQ(control->topology()->find_pool("shop")->nodes.size(), 2U) << "alice is dry, and gone";
  add_user("shop/bob", 2);
  remove("bob");
  shop().session.idle_timeout = shop().session.pending_timeout = minutes{30};
  reload();
  pass(minutes{29});
  EXPECT_EQ(status("shop/bob").live, 1) << "also with the reload that removes it";
}

}  // namespace
}  // namespace bonedry::admin::test
