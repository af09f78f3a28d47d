// The routing table: which requests go to which node in every state, and what is counted.
#include "tests/scenario/story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RoutingStory : public ShopStory {
 protected:
  [[nodiscard]] std::vector<User> live_users_on(const FakeNode& node, int count) const {
    std::vector<User> users;
    for (int i = 0; i < count; ++i) users.push_back(live_user_on(node));
    return users;
  }

  void expect_all_moved_to_bob(std::vector<User>& users) const {
    for (User& user : users) {
      const std::string old_cookie = user.cookie();
      const Response response = user.click();
      EXPECT_EQ(response.status, 200);
      EXPECT_EQ(user.node(), "bob");
      EXPECT_NE(set_cookie_value(response).value_or(old_cookie), old_cookie);
      EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
      EXPECT_EQ(user.node(), "bob");
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, RoutingStory, worker_counts(), name_of_workers);

TEST_P(RoutingStory, ABleedingNodeKeepsItsUsersAndGetsNoNewOnes) {
  launch(config());
  std::vector<User> users = live_users_on(alice_, 3);
  const auto before = node(alice_);
  order("bleed alice");
  EXPECT_EQ(node(alice_).state, "bleeding");
  for (int i = 0; i < 30; ++i) {
    User stranger{bonedry_->address()};
    stranger.click();
    ASSERT_EQ(stranger.node(), "bob");
  }
  for (User& user : users) {
    EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
    EXPECT_EQ(user.node(), "alice");
  }
  EXPECT_EQ(node(alice_).sessions(), before.sessions());
  EXPECT_EQ(node(alice_).begun, before.begun);
}

TEST_P(RoutingStory, NoPolicyChoosesABleedingNode) {
  for (const char* policy : {"least-sessions", "round-robin", "least-exchanges", "random"}) {
    launch(config({}, {std::string{"balance = \""} + policy + '"'}));
    order("bleed alice");
    for (int i = 0; i < 30; ++i) {
      User user{bonedry_->address()};
      user.click();
      ASSERT_EQ(user.node(), "bob") << policy;
    }
  }
}

TEST_P(RoutingStory, RequestsWithoutSessionsNeverReachABleedingNode) {
  launch(config({"sticky = \"none\""}, {"balance = \"round-robin\""}));
  order("bleed alice");
  const auto before = alice_.requests();
  User user{bonedry_->address()};
  for (int i = 0; i < 30; ++i) EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(alice_.requests(), before);
  EXPECT_TRUE(eventually_dry(alice_)) << "nobody can be on it";
}

TEST_P(RoutingStory, OneConnectionMayCarrySeveralUsers) {
  launch(config());
  User on_alice = live_user_on(alice_);
  User on_bob = live_user_on(bob_);
  order("bleed alice");
  HttpClient proxy_in_front{bonedry_->address()};
  for (int i = 0; i < 10; ++i) {
    const auto node_for = [&](const std::string& cookie) {
      return proxy_in_front.get("/", {{"Cookie", cookie}}).headers.get("X-Node");
    };
    ASSERT_EQ(node_for("bonedry=" + on_alice.cookie()), "alice");
    ASSERT_EQ(node_for("bonedry=" + on_bob.cookie()), "bob");
    ASSERT_EQ(node_for("a=stranger"), "bob");
  }
}

TEST_P(RoutingStory, WithNoNodeToChooseStrangersAreToldToComeBack) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice");
  order("bleed bob --force");
  HttpClient stranger{bonedry_->address()};
  const Response response = stranger.get("/");
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.headers.has("Retry-After"));
  EXPECT_FALSE(response.headers.has("Set-Cookie"));
  EXPECT_LT(response.body_size, 1000U);
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "alice");
  EXPECT_TRUE(eventually([this] {
    return (bonedry_->err() + bonedry_->out()).find("no node") != std::string::npos;
  })) << "one clear line in the log";
}

TEST_P(RoutingStory, ANodeWithNobodyOnItIsDryAtOnce) {
  launch(config());
  order("bleed alice");
  const RunResult wait = ctl().run({"wait", "alice"});
  EXPECT_EQ(wait.code, 0);
  EXPECT_TRUE(node(alice_).dry);
  EXPECT_THAT(node(alice_).dry_blocked_by, IsEmpty());
}

TEST_P(RoutingStory, StatusSaysWhatKeepsANodeFromBeingDry) {
  launch(config());
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "hello");
  });
  User user = live_user_on(alice_);
  User crawler = new_user_on(alice_);
  HttpClient client{bonedry_->address()};
  client.send(
      Request{.target = "/slow", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  EXPECT_THAT(node(alice_).dry_blocked_by, IsEmpty()) << "an active node is not asked";
  order("bleed alice");
  const NodeView view = node(alice_);
  EXPECT_FALSE(view.dry);
  EXPECT_TRUE(view.blocked_by("1 live"));
  EXPECT_TRUE(view.blocked_by("1 pending"));
  EXPECT_TRUE(view.blocked_by("1 open"));
  gate.open();
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(eventually([this] { return !node(alice_).blocked_by("open"); }));
}

TEST_P(RoutingStory, AnOpenExchangeAloneKeepsANodeFromBeingDry) {
  // Without sessions, an exchange in progress still counts.
  launch(config({"sticky = \"none\""}, {"balance = \"round-robin\""}));
  const Gate gate;
  const auto slow = [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "hello");
  };
  alice_.on("/slow", slow);
  bob_.on("/slow", slow);
  std::vector<std::unique_ptr<HttpClient>> clients;
  while (alice_.requests_for("/slow") == 0) {
    const auto before = alice_.requests_for("/slow") + bob_.requests_for("/slow");
    clients.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    clients.back()->send(Request{.target = "/slow"}.to_wire());
    ASSERT_TRUE(eventually(
        [&] { return alice_.requests_for("/slow") + bob_.requests_for("/slow") > before; }));
  }
  order("bleed alice");
  EXPECT_EQ(ctl().code({"wait", "alice", "--timeout", "500ms"}), 3);
  EXPECT_FALSE(node(alice_).dry);
  gate.open();
  for (const auto& client : clients) EXPECT_EQ(client->read_response().status, 200);
  EXPECT_EQ(ctl().code({"wait", "alice"}), 0);
}

TEST_P(RoutingStory, AUserWhoseFirstRequestIsUnderWayWhenTheBleedBeginsIsNotLost) {
  launch(config({"idle_timeout = \"1s\""}));
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "hello");
  });
  order("bleed bob");
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/slow"}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  order("activate bob");
  order("bleed alice");
  EXPECT_FALSE(eventually_dry(alice_, Millis{400})) << "he is on his way there";
  gate.open();
  const Response response = client.read_response();
  const auto cookie = set_cookie_value(response);
  ASSERT_TRUE(cookie.has_value());
  const Response second = client.get("/next", {{"Cookie", "bonedry=" + *cookie}});
  EXPECT_EQ(second.headers.get("X-Node"), "alice");
  EXPECT_FALSE(second.headers.has("Set-Cookie"));
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(RoutingStory, MaintenanceTakesADryNodeOutOfRotation) {
  launch(config());
  User user = live_user_on(alice_);
  const RunResult early = ctl().run({"maintain", "alice"});
  EXPECT_EQ(early.code, 1) << "it is not even bleeding";
  EXPECT_EQ(node(alice_).state, "active");
  order("bleed alice");
  const RunResult refused = ctl().run({"maintain", "alice"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("not dry"));
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(RoutingStory, ForcedMaintenanceMovesWhoIsThere) {
  launch(config());
  std::vector<User> users = live_users_on(alice_, 4);
  order("bleed alice");
  order("maintain alice --force");
  EXPECT_EQ(node(alice_).state, "maintenance");
  EXPECT_EQ(node(alice_).sessions(), 0);
  const auto requests = alice_.requests();
  expect_all_moved_to_bob(users);
  EXPECT_EQ(alice_.requests(), requests);
  const NodeView view = node(alice_);
  EXPECT_EQ(view.moved, 4);
  EXPECT_EQ(view.late + view.rescued, 0);
}

TEST_P(RoutingStory, AnActivatedNodeTakesNewUsersAgain) {
  launch(config());
  order("bleed alice");
  ASSERT_TRUE(eventually_dry(alice_));
  order("maintain alice");
  order("activate alice");
  const NodeView view = node(alice_);
  EXPECT_EQ(view.state, "active");
  EXPECT_FALSE(view.dry);
  EXPECT_TRUE(view.bleeding.is_null());
  User user = live_user_on(alice_);
  order("bleed alice");
  EXPECT_FALSE(node(alice_).dry) << "a new bleed begins from new";
  EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
}

TEST_P(RoutingStory, ABleedMayBeTakenBack) {
  launch(config());
  std::vector<User> users = live_users_on(alice_, 3);
  order("bleed alice");
  order("activate alice");
  for (User& user : users) {
    EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
    EXPECT_EQ(user.node(), "alice");
  }
  EXPECT_EQ(new_user_on(alice_).click().status, 200);
}

TEST_P(RoutingStory, StatusTellsSinceWhenAndWhy) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice --deadline 30m --reason \"update 4.2, \\\"finally\\\"\"");
  const NodeView view = node(alice_);
  EXPECT_EQ(view.bleeding.at("reason"), "update 4.2, \"finally\"");
  EXPECT_FALSE(view.bleeding.at("since").is_null());
  EXPECT_FALSE(view.bleeding.at("deadline").is_null());
  EXPECT_TRUE(view.bleeding.contains("forecast_s"));
  EXPECT_THAT(bonedry_->admin("status"), HasSubstr("update 4.2"));
  EXPECT_EQ(user.click().status, 200);
}

TEST_P(RoutingStory, ADeadlineMovesWhoIsStillThere) {
  launch(config());
  std::vector<User> users = live_users_on(alice_, 5);
  const TestTime bled = TestClock::now();
  order("bleed alice --deadline 1500ms");
  while (elapsed_since(bled) < Millis{1000}) {
    for (User& user : users) {
      ASSERT_FALSE(user.click().headers.has("Set-Cookie"));
      ASSERT_EQ(user.node(), "alice") << "nobody is moved before";
    }
    std::this_thread::sleep_for(Millis{50});
  }
  ASSERT_TRUE(eventually_dry(alice_));
  EXPECT_GE(elapsed_since(bled), Millis{1400});
  EXPECT_LE(elapsed_since(bled), scaled(Millis{3000}));
  expect_all_moved_to_bob(users);
  const NodeView view = node(alice_);
  EXPECT_EQ(view.moved, 5);
  EXPECT_EQ(view.late, 0);
  EXPECT_EQ(view.state, "bleeding");
  EXPECT_TRUE(view.dry);
}

TEST_P(RoutingStory, ADeadlineCutsNoRequestThatIsUnderWay) {
  launch(config());
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", "10"}}) + "12345");
    EXPECT_TRUE(gate.wait());
    exchange.send("67890");
  });
  User user = live_user_on(alice_);
  HttpClient client{bonedry_->address()};
  client.send(
      Request{.target = "/slow", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  order("bleed alice --deadline 300ms");
  EXPECT_FALSE(eventually_dry(alice_, Millis{1200})) << "somebody is still being served";
  gate.open();
  const Response response = client.read_response();
  EXPECT_EQ(response.body, "1234567890");
  EXPECT_TRUE(response.complete());
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "bob");
  EXPECT_EQ(node(alice_).moved, 1);
}

TEST_P(RoutingStory, ADeadlineMayBeSetLater) {
  launch(config());
  std::vector<User> users = live_users_on(alice_, 2);
  order("bleed alice --reason first");
  EXPECT_TRUE(node(alice_).bleeding.at("deadline").is_null());
  order("bleed alice --deadline 300ms");
  EXPECT_EQ(node(alice_).bleeding.at("reason"), "first");
  ASSERT_TRUE(eventually_dry(alice_));
  expect_all_moved_to_bob(users);
}

TEST_P(RoutingStory, SimultaneousRequestsOfOneUserAreMovedTogether) {
  FakeNode carol{"carol"};
  TestConfig three = config();
  three.pools[0].nodes.emplace_back(carol);
  launch(three);
  User user = live_user_on(alice_);
  order("maintain alice --force");
  const Headers cookie = {{"Cookie", "bonedry=" + user.cookie()}};
  std::vector<std::unique_ptr<HttpClient>> connections;
  for (int i = 0; i < 8; ++i) {
    connections.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    connections.back()->send(Request{.target = "/picture", .headers = cookie}.to_wire());
  }
  std::vector<std::string> nodes;
  for (const auto& connection : connections) {
    nodes.push_back(connection->read_response().headers.get("X-Node"));
  }
  EXPECT_THAT(nodes, testing::Each(nodes[0])) << "one user, one cart, one node";
  EXPECT_THAT(nodes[0], Not("alice"));
  EXPECT_EQ(node(alice_).moved, 1);
}

TEST_P(RoutingStory, TwoPoolsDoNotMix) {
  FakeNode carol{"carol"};
  FakeNode dora{"dora"};
  TestConfig two = config();
  two.pools.push_back({.name = "blog", .nodes = {carol, dora}});
  launch(two);
  User shopper = live_user_on(alice_);
  User reader{bonedry_->address("blog")};
  reader.click();
  EXPECT_THAT(reader.node(), testing::AnyOf("carol", "dora"));
  // A cookie names its pool: in the other pool it is worth nothing.
  User stray{bonedry_->address("blog")};
  stray.set_cookie("bonedry-blog", shopper.cookie());
  EXPECT_TRUE(set_cookie_value(stray.click(), "bonedry-blog").has_value());
  EXPECT_THAT(stray.node(), testing::AnyOf("carol", "dora"));
  order("bleed carol");
  EXPECT_EQ(bonedry_->node("carol", "blog").state, "bleeding");
  EXPECT_EQ(node(alice_).state, "active");
  const auto only_blog = bonedry_->admin_json("status blog json").at("pools");
  ASSERT_EQ(only_blog.size(), 1U);
  EXPECT_EQ(only_blog.at(0).at("foreign_cookies"), 1);
  EXPECT_FALSE(shopper.click().headers.has("Set-Cookie"));
}

}  // namespace
}  // namespace bonedry::test
