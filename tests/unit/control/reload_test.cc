#include "admin/control_plane.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bonedry::admin {
namespace {

using test::minutes;
using test::NodeState;
using test::NodeView;
using test::seconds;

class ReloadTest : public test::ControlTest {
 protected:
  void remove(const std::string& name) {
    std::erase_if(shop().nodes, [&name](const conf::Node& one) { return one.name == name; });
  }
  [[nodiscard]] bool there(const std::string& name) const {
    return balancer::find_node(*control->topology()->find_pool("shop"), name) != nullptr;
  }
};

TEST_F(ReloadTest, NewValuesAreTakenOver) {
  shop().nodes[0].weight = 50;
  shop().nodes[0].max_sessions = 7;
  shop().nodes[1].address.port = 1234;
  shop().balance = conf::Balance::round_robin;
  config.timeouts.connect = seconds{1};
  EXPECT_EQ(reload(),
            "reloaded by root: pool shop: [[pool]] changed; shop/alice: weight 100 to 50, "
            "limits; shop/bob: address 127.0.0.1:9098 to 127.0.0.1:1234; [timeouts] changed");
  EXPECT_EQ(view("shop/alice").weight, 50U);
  EXPECT_EQ(view("shop/alice").max_sessions, 7U);
  EXPECT_EQ(view("shop/bob").address.port, 1234);
  EXPECT_EQ(control->topology()->pools[0].config.balance, conf::Balance::round_robin);
  EXPECT_EQ(control->topology()->timeouts.connect, seconds{1});
  EXPECT_TRUE(events_of("reload").starts_with("reloaded by root: pool shop"));
}

TEST_F(ReloadTest, NoUserLosesACookieForWhereItsPoolStands) {
  shop().session.cookie = "bonedry-shop";
  EXPECT_EQ(
      reload(),
      "error: pool shop: its position in the file would rename its session cookie to "
      "\"bonedry-shop\", and all its users would lose their session; set [pool.session] cookie = "
      "\"bonedry\"; the running config is unchanged");
  EXPECT_EQ(control->config().pools[0].session.cookie, "bonedry");
  shop().session.cookie_named = conf::NameSource::in_file;
  EXPECT_EQ(reload(), "reloaded by root: pool shop: cookie renamed: all its users will be new");
}

TEST_F(ReloadTest, UsersWhoLoseTheirCookiesToAnotherAreToldOfOnce) {
  config.pools.push_back(shop());
  config.pools.back().name = "blog";
  reload();
  const auto& pools = control->topology()->pools;
  EXPECT_EQ(pools[0].siblings, std::vector<std::string>{"blog"});
  EXPECT_EQ(pools[1].siblings, std::vector<std::string>{"shop"});
  pools[0].counters->foreign_cookies = 2;
  settle();
  EXPECT_NE(
      events_of("cookie").find("pool shop: a request carried the session cookie of another pool"),
      std::string::npos);
  reload();
  control->topology()->pools[0].counters->foreign_cookies = 3;
  settle();
  EXPECT_EQ(events_of("cookie").find(" | "), std::string::npos);
  control->topology()->pools[1].counters->cookie_clashes_in_front = 1;
  settle();
  EXPECT_NE(events_of("cookie").find("pool blog: another bonedry in front uses the name"),
            std::string::npos);
  control->topology()->pools[1].counters->cookie_clashes = 1;
  settle();
  EXPECT_NE(events_of("cookie").find("pool blog: a node sets a cookie with the name"),
            std::string::npos);
  EXPECT_EQ(control->status({})->pools[1].cookie_clashes, 2U);
  EXPECT_EQ(control->status({})->pools[0].foreign_cookies, 3U);
}

TEST_F(ReloadTest, TheAnswerComesOnceAllWorkersRouteByIt) {
  control->reload(Force::no, "root", note_answer());
  EXPECT_TRUE(answers.empty());
  publisher.acknowledge();
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(ReloadTest, WhetherTheLastOneSucceededAndWhenIsInTheStatus) {
  const auto process = [this] { return control->status({})->process; };
  const WallTime before = process().config_loaded;
  EXPECT_EQ(process().last_load, ConfigLoad::succeeded);
  clock.advance(std::chrono::minutes{1});
  load_error = "line 3: unknown key";
  control->reload(Force::no, "root", note_answer());
  EXPECT_EQ(process().last_load, ConfigLoad::failed);
  EXPECT_EQ(process().config_loaded, before);
  load_error.clear();
  reload();
  EXPECT_EQ(process().last_load, ConfigLoad::succeeded);
  EXPECT_EQ(process().config_loaded, clock.wall());
}

TEST_F(ReloadTest, AGuardSaysNothingAgainstTheFile) {
  for (conf::Node& node : shop().nodes) node.weight = 0;
  EXPECT_NE(reload().find("--force overrides"), std::string::npos);
  EXPECT_EQ(control->status(std::nullopt)->process.last_load, ConfigLoad::succeeded);
}

TEST_F(ReloadTest, ItLosesNoCountAndNoLiveFact) {
  add_user("shop/alice", 1);
  view("shop/alice").node->open_exchange();
  view("shop/alice").node->counters.moved = 17;
  const auto node = view("shop/alice").node;
  const auto slot = view("shop/alice").slot;
  reload();
  EXPECT_EQ(view("shop/alice").node, node);
  EXPECT_EQ(view("shop/alice").slot, slot);
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_EQ(status("shop/alice").exchanges_open, 1);
  EXPECT_EQ(status("shop/alice").moved, 17U);
}

TEST_F(ReloadTest, ItNeverUnbleedsANode) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  bleed("shop/bob");
  settle();
  maintain("shop/bob");
  reload();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(door("shop/bob"), "maintenance, shut");
  EXPECT_TRUE(dry("shop/bob"));
}

TEST_F(ReloadTest, ANewWeightDoesNotPutABleedingNodeBack) {
  shop().nodes[0].weight = 0;
  start();
  settle();
  shop().nodes[0].weight = 100;
  reload();
  EXPECT_EQ(door("shop/alice"), "bleeding, shut");
  EXPECT_EQ(activate("shop/alice"), "shop/alice is active");
}

TEST_F(ReloadTest, WeightZeroMakesANodeBleed) {
  add_user("shop/alice", 1);
  shop().nodes[0].weight = 0;
  reload();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(status("shop/alice").bleeding->reason, "weight is 0");
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_EQ(written().at("shop/alice"_node).state, NodeState::bleeding);
}

TEST_F(ReloadTest, ANodeThatWeightZeroMakesBleedIsDryOnlyOnceTheWorkersHaveHeardOfIt) {
  shop().nodes[0].weight = 0;
  control->reload(Force::no, "root", note_answer());
  for (int i = 0; i < 5; ++i) control->tick();
  EXPECT_FALSE(dry("shop/alice")) << "workers still send users there";
  publisher.acknowledge();
  control->tick();
  publisher.acknowledge();
  EXPECT_TRUE(dry("shop/alice"));
}

TEST_F(ReloadTest, ANewNodeIsActive) {
  shop().nodes.push_back(node("dave"));
  reload();
  EXPECT_EQ(door("shop/dave"), "active, open");
  add_user("shop/dave", 1);
  EXPECT_EQ(status("shop/dave").live, 1);
}

TEST_F(ReloadTest, NewTimesCountForSessionsThatAreThere) {
  add_user("shop/alice", 1);
  add_user("shop/bob", 2);
  shop().session.idle_timeout = shop().session.pending_timeout = minutes{2};
  reload();
  pass(minutes{2} + seconds{1});
  EXPECT_EQ(status("shop/alice").live, 0);
  EXPECT_EQ(status("shop/bob").live, 0);
}

TEST_F(ReloadTest, WithoutChecksNoHealthIsKnown) {
  shop().health.active = true;
  start();
  view("shop/alice").node->set_health(balancer::Health::down);
  shop().health.interval = seconds{5};
  reload();
  EXPECT_EQ(status("shop/alice").health, balancer::Health::down) << "what was measured stays";
  shop().health.active = false;
  reload();
  EXPECT_EQ(status("shop/alice").health, balancer::Health::unknown);
}

// -- Removed nodes --------------------------------------------------------------------------------

TEST_F(ReloadTest, ARemovedNodeBleedsUntilItIsDryAndGoes) {
  add_user("shop/alice", 1);
  remove("alice");
  EXPECT_EQ(reload(), "reloaded by root: shop/alice removed: it bleeds until its users are gone");
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_TRUE(status("shop/alice").removed);
  EXPECT_EQ(view("shop/alice").address.port, 9000 + 'a');
  EXPECT_EQ(status("shop/alice").bleeding->reason, "removed from the config");
  for (int i = 0; i < 3; ++i) {
    pass(minutes{15});
    ASSERT_TRUE(click(1));
  }
  ASSERT_TRUE(there("alice"));
  pass(kIdle + seconds{1});
  EXPECT_FALSE(there("alice"));
  EXPECT_FALSE(written().contains("shop/alice"_node));
  EXPECT_EQ(events_of("removed"),
            "shop/alice: removed: the node is dry and no longer in the config");
}

TEST_F(ReloadTest, ARemovedNodeGoesOnlyOnceTheWorkersHaveHeardOfIt) {
  remove("alice");
  control->reload(Force::no, "root", note_answer());
  for (int i = 0; i < 5; ++i) control->tick();
  EXPECT_TRUE(there("alice"));
  EXPECT_FALSE(dry("shop/alice"));
  settle();
  EXPECT_FALSE(there("alice"));
}

TEST_F(ReloadTest, ARemovedNodeCannotBeActivated) {
  add_user("shop/alice", 1);
  remove("alice");
  reload();
  EXPECT_EQ(activate("shop/alice"), "error: shop/alice is no longer in the config");
}

TEST_F(ReloadTest, ARemovedNodeCanBeGivenADeadline) {
  add_user("shop/alice", 1);
  remove("alice");
  reload();
  bleed_until("shop/alice", minutes{1});
  pass(minutes{1});
  EXPECT_FALSE(there("alice"));
  EXPECT_TRUE(click(1)->displaced);
}

TEST_F(ReloadTest, ARemovedNodeThatWasInMaintenanceGoesAtOnce) {
  bleed("shop/alice");
  settle();
  maintain("shop/alice");
  remove("alice");
  reload();
  settle();
  EXPECT_FALSE(there("alice"));
  EXPECT_FALSE(written().contains("shop/alice"_node));
}

TEST_F(ReloadTest, ARemovedNodeIsKeptOverFurtherReloads) {
  add_user("shop/alice", 1);
  remove("alice");
  reload();
  reload();
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(status("shop/alice").live, 1);
}

TEST_F(ReloadTest, ARemovedNodeThatComesBackIsStillBleeding) {
  add_user("shop/alice", 1);
  const conf::Pool before = shop();
  remove("alice");
  reload();
  shop() = before;
  EXPECT_EQ(reload(),
            "reloaded by root: shop/alice added; shop/alice still bleeds (was removed from the "
            "config); 'bonedryctl activate shop/alice' puts it back");
  EXPECT_FALSE(status("shop/alice").removed);
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(activate("shop/alice"), "shop/alice is active");
}

TEST_F(ReloadTest, ARemovedNodeWithUsersIsRememberedOverARestart) {
  add_user("shop/alice", 1);
  remove("alice");
  reload();
  restart();
  ASSERT_TRUE(there("alice")) << "cookies for it may still come";
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(view("shop/alice").address.port, 9000 + 'a');
  pass(kIdle);
  EXPECT_FALSE(there("alice"));
}

TEST_F(ReloadTest, ANodeThatARestartFindsRemovedBleedsUntilItIsDry) {
  add_user("shop/alice", 1);
  remove("alice");
  remove("bob");
  restart_on_ledger();
  ASSERT_TRUE(there("alice"));
  EXPECT_FALSE(there("bob")) << "nobody was on it";
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  EXPECT_EQ(view("shop/alice").address.port, 9000 + 'a');
  EXPECT_EQ(status("shop/alice").bleeding->reason, "removed from the config");
  EXPECT_EQ(events_of("bleed"), "shop/alice: bleeding by config, reason: removed from the config");
  EXPECT_FALSE(click(1)->displaced);
  pass(kIdle);
  EXPECT_FALSE(there("alice"));
}

TEST_F(ReloadTest, ANodeThatWasBleedingWhenARestartFindsItRemovedBleedsOn) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{5});
  remove("alice");
  restart_on_ledger();
  ASSERT_TRUE(there("alice"));
  EXPECT_TRUE(status("shop/alice").bleeding->deadline) << "it is the bleed of before";
  pass(minutes{5});
  EXPECT_FALSE(there("alice"));
  EXPECT_TRUE(click(1)->displaced);
}

TEST_F(ReloadTest, ARemovedPoolIsGone) {
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  start();
  ASSERT_NE(control->topology()->find_pool("blog"), nullptr);
  config.pools.pop_back();
  reload();
  EXPECT_EQ(control->topology()->find_pool("blog"), nullptr);
}

TEST_F(ReloadTest, AnAnswerOnItsWayForANodeOfARemovedPoolHurtsNobody) {
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  start();
  bleed_unacknowledged("blog/alice");
  control->maintain("blog/bob"_node, Force::yes, {"root"}, note_answer());
  config.pools.pop_back();
  control->reload(Force::no, "root", note_answer());
  settle();
  EXPECT_EQ(answers.size(), 3U) << "every command is answered";
}

TEST_F(ReloadTest, APoolMayGoWhileTheDoorOfItsNodeIsShutForTheSecondLook) {
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  start();
  bleed("blog/alice");
  control->tick();
  ASSERT_EQ(door("blog/alice"), "bleeding, shut");
  config.pools.pop_back();
  control->reload(Force::no, "root", note_answer());
  publisher.acknowledge();
  EXPECT_EQ(answers.size(), 1U);
  config.pools.push_back(blog);
  reload();
  settle();
  EXPECT_TRUE(dry("blog/alice")) << "it is still bleeding, and nobody is on it";
}

// -- Refusals -------------------------------------------------------------------------------------

TEST_F(ReloadTest, AConfigThatDoesNotLoadChangesNothing) {
  load_error = "bonedry.toml:3:1: nodes: unknown key";
  const auto before = control->topology();
  EXPECT_EQ(reload(), "error: the config was not reloaded: bonedry.toml:3:1: nodes: unknown key");
  EXPECT_EQ(control->topology(), before);
  EXPECT_TRUE(publisher.published.empty());
  EXPECT_EQ(events_of("reload"),
            "a reload by root was refused: the config was not reloaded: bonedry.toml:3:1: nodes: "
            "unknown key");
}

TEST_F(ReloadTest, WhatTakesARestartIsRefusedByNameAndAsAWhole) {
  const conf::Config good = config;
  const auto refused = [this, &good](const std::function<void(conf::Config&)>& change) {
    config = good;
    config.pools[0].nodes[0].weight = 1;
    change(config);
    const std::string answer = reload();
    EXPECT_EQ(view("shop/alice").weight, 100U) << answer;
    return answer;
  };
  const auto text = [](const std::string& section) {
    return "error: a change of " + section +
           " takes a restart, or 'bonedryctl upgrade', which is one without a break; the running "
           "config is unchanged";
  };
  EXPECT_EQ(refused([](conf::Config& next) { next.server.workers = 3; }), text("[server] workers"));
  EXPECT_EQ(refused([](conf::Config& next) { next.admin.socket = "/x"; }), text("[admin] socket"));
  EXPECT_EQ(refused([](conf::Config& next) { next.log.access = "off"; }), text("[log] access"));
  EXPECT_EQ(refused([](conf::Config& next) { next.ledger.sessions = 5; }),
            text("[ledger] sessions"));
  EXPECT_EQ(refused([](conf::Config& next) {
              next.listeners.push_back({{"::1", 80}, "shop"});
            }),
            text("[[listener]]"));
  EXPECT_EQ(refused([](conf::Config& next) {
              next.server.workers = 3;
              next.log.access = "off";
            }),
            text("[server] workers, [log] access"));
  EXPECT_EQ(refused([](conf::Config& next) { next.server.state_dir = "/x"; }),
            "error: a change of [server] state_dir takes a restart; the running config is "
            "unchanged");
  EXPECT_TRUE(publisher.published.empty());
}

TEST_F(ReloadTest, TrustedProxiesAndTheHeaderForNodesGoWithTheTopology) {
  config.server.trusted_proxies = {*conf::parse_network("10.0.0.0/8")};
  shop().proxy_protocol = conf::ProxyProtocol::v2;
  EXPECT_FALSE(reload().starts_with("error: "));
  EXPECT_EQ(control->topology()->trusted_proxies, config.server.trusted_proxies);
  EXPECT_EQ(control->topology()->pools[0].config.proxy_protocol, conf::ProxyProtocol::v2);
  config.listeners = {{.address = {"::1", 80}, .pool = "shop", .proxy_protocol = true}};
  EXPECT_TRUE(reload().starts_with("error: a change of [[listener]] takes a restart"));
}

TEST_F(ReloadTest, ItSaysWhatItDoes) {
  shop().nodes[0].weight = 0;
  remove("bob");
  shop().nodes.push_back(node("dora"));
  conf::Pool blog;
  blog.name = "blog";
  blog.nodes = {node("eve"), node("fred", 0)};
  config.pools.push_back(blog);
  config.limits.headers = 7;
  EXPECT_EQ(
      reload(),
      "reloaded by root: shop/alice: weight 100 to 0; shop/alice bleeds: its weight is 0; "
      "shop/dora added; shop/bob removed: it bleeds until its users are gone; pool blog added "
      "with 2 nodes; blog/fred bleeds: its weight is 0; [limits] changed");
  shop().nodes[0].weight = 100;
  config.pools.pop_back();
  EXPECT_EQ(
      reload(),
      "reloaded by root: shop/alice: weight 0 to 100; shop/alice still bleeds (weight was 0); "
      "'bonedryctl activate shop/alice' puts it back; pool blog removed");
  EXPECT_EQ(reload(), "reloaded by root: nothing has changed");
}

TEST_F(ReloadTest, ThatNoNodeIsLeftForNewUsersTakesForce) {
  for (conf::Node& each : shop().nodes) each.weight = 0;
  const std::string why = "pool shop would have no node for new users: alice, bob, carol all bleed";
  EXPECT_EQ(reload(), "error: " + why + "; --force overrides; the running config is unchanged");
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_NE(events_of("reload").find(why), std::string::npos) << "a reload that fails is an event";
  EXPECT_NE(reload(Force::yes).find(" [forced: " + why + "]"), std::string::npos);
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
  config.limits.headers = 7;
  EXPECT_EQ(reload(), "reloaded by root: [limits] changed") << "it had none before";
}

TEST_F(ReloadTest, ADiskThatRefusesRefusesItAndChangesNothing) {
  add_user("shop/alice", 1);
  const conf::Config before = config;
  remove("alice");
  shop().nodes.push_back(node("dave"));
  shop().nodes[0].weight = 0;
  shop().session.idle_timeout = shop().session.pending_timeout = minutes{1};
  break_disk();
  const auto topology = control->topology();
  const std::string answer = reload();
  EXPECT_NE(answer.find("no change was made"), std::string::npos) << answer;
  EXPECT_EQ(control->topology(), topology);
  EXPECT_EQ(control->config(), before);
  EXPECT_EQ(door("shop/alice"), "active, open");
  EXPECT_EQ(door("shop/bob"), "active, open");
  mend_disk();
  pass(minutes{2});
  EXPECT_EQ(status("shop/alice").live, 1) << "the old times are in force";
  EXPECT_FALSE(status("shop/alice").bleeding);
  bleed("shop/bob");
  EXPECT_FALSE(there("dave")) << "and nothing of it comes in later";
  EXPECT_EQ(written().size(), 1U);
}

}  // namespace
}  // namespace bonedry::admin
