// Sessions, for every way in which clients and nodes speak HTTP: who stays where, and what is
// counted.
#include "tests/scenario/matrix_story.h"

#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

class MatrixSessionStory : public MatrixStory {};

INSTANTIATE_TEST_SUITE_P(Matrix, MatrixSessionStory, testing::ValuesIn(combinations_of_workers()),
                         name_of_combination);

constexpr const char* kLogoutRule = R"(logout = [{ method = "POST", path = "/logout" }])";

TEST_P(MatrixSessionStory, AUserStaysForTwentyClicksOnHoweverManyConnections) {
  launch(config());
  User anna = visitor();
  EXPECT_TRUE(set_cookie_value(anna.click()).has_value());
  const std::string node_of_anna = anna.node();
  for (int i = 0; i < 20; ++i) {
    if (i % 5 == 4) anna.disconnect();
    const Response response = anna.click();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(anna.node(), node_of_anna);
    EXPECT_FALSE(set_cookie_value(response).has_value()) << "it has one already";
  }
  EXPECT_EQ(bonedry_->node(node_of_anna).live, 1);
  EXPECT_EQ(node(alice_).sessions() + node(bob_).sessions(), 1);
}

TEST_P(MatrixSessionStory, UsersOfOneConnectionAreKeptApart) {
  launch(config());
  const std::shared_ptr<AnyClient> gateway = connect();
  std::vector<User> users;
  for (int i = 0; i < 4; ++i) users.emplace_back(gateway);
  std::vector<std::string> nodes_of_users;
  for (User& user : users) {
    user.click();
    nodes_of_users.push_back(user.node());
  }
  for (int click = 0; click < 5; ++click) {
    for (std::size_t i = 0; i < users.size(); ++i) {
      EXPECT_EQ(users[i].click().status, 200);
      EXPECT_EQ(users[i].node(), nodes_of_users[i]);
    }
  }
  EXPECT_EQ(node(alice_).live, 2);
  EXPECT_EQ(node(bob_).live, 2);
}

TEST_P(MatrixSessionStory, ABleedKeepsItsUsersUntilTheyLeaveAndThenTheDoorIsShut) {
  launch(config({kLogoutRule}));
  std::vector<User> users = live_users_on_alice(3);
  order("bleed alice");
  for (int i = 0; i < 4; ++i) (void)live_user_on(bob_);
  EXPECT_EQ(node(alice_).live, 3);
  EXPECT_EQ(node(alice_).pending, 0);
  EXPECT_EQ(node(bob_).live, 4);
  std::vector<std::string> cookies;
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (i > 0) users[i].disconnect();  // the first one stays on the connection of before
    EXPECT_EQ(users[i].click().status, 200);
    EXPECT_EQ(users[i].node(), "alice");
    cookies.push_back(users[i].cookie());
    EXPECT_FALSE(node(alice_).dry);
    EXPECT_EQ(users[i].send({.method = "POST", .target = "/logout"}).status, 200);
    EXPECT_FALSE(users[i].has_cookie()) << "a logout clears it";
    EXPECT_EQ(node(alice_).live, static_cast<std::int64_t>(users.size() - i - 1));
  }
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(node(alice_).logged_out, 3);
  for (const std::string& cookie : cookies) {
    User returning = visitor();
    returning.set_cookie("bonedry", cookie);
    EXPECT_EQ(returning.click("/again").status, 200);
    EXPECT_EQ(returning.node(), "bob");
  }
  EXPECT_EQ(node(alice_).late, 3);
  EXPECT_EQ(alice_.requests_for("/again"), 0U);
  order("activate alice");
  (void)live_user_on(alice_);
}

TEST_P(MatrixSessionStory, TheLastResponseHoldsABleedUp) {
  const Gate gate;
  on("/long", [gate](AnyExchange& exchange) {
    exchange.send_head(200);
    exchange.send("half");
    EXPECT_TRUE(gate.wait());
    exchange.send("half");
    exchange.end();
  });
  launch(config({kLogoutRule}));
  User anna = live_users_on_alice(1).at(0);
  const auto download = connect();
  download->begin({.target = "/long", .headers = {{"Cookie", "bonedry=" + anna.cookie()}}});
  ASSERT_TRUE(alice_.wait_for("/long", 1));
  order("bleed alice");
  EXPECT_EQ(anna.send({.method = "POST", .target = "/logout"}).status, 200);
  EXPECT_TRUE(eventually([this] { return node(alice_).exchanges_open == 1; }));
  EXPECT_EQ(node(alice_).sessions(), 0);
  EXPECT_FALSE(node(alice_).dry);
  gate.open();
  EXPECT_EQ(download->read_response().body, "halfhalf");
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(MatrixSessionStory, ForcedMaintenanceMovesUsersAndCountsThem) {
  launch(config());
  std::vector<User> users = live_users_on_alice(2);
  order("maintain alice --force");
  for (User& user : users) {
    EXPECT_TRUE(set_cookie_value(user.click()).has_value());
    EXPECT_EQ(user.node(), "bob");
    EXPECT_FALSE(set_cookie_value(user.click()).has_value());
    EXPECT_EQ(user.node(), "bob");
  }
  EXPECT_EQ(node(alice_).moved, 2);
  EXPECT_EQ(node(bob_).live, 2);
}

TEST_P(MatrixSessionStory, ADeadlineMovesUsersAndCountsThem) {
  launch(config());
  User anna = live_users_on_alice(1).at(0);
  order("bleed alice --deadline 300ms");
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(anna.click().status, 200);
  EXPECT_EQ(anna.node(), "bob");
  EXPECT_EQ(node(alice_).moved, 1);
  EXPECT_EQ(node(bob_).live + node(bob_).pending, 1);
}

TEST_P(MatrixSessionStory, WhoseNodeDiesIsRescuedAndStaysThere) {
  launch(config());
  std::vector<User> users = live_users_on_alice(2);
  alice_.die();
  for (User& user : users) {
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
  EXPECT_EQ(node(alice_).rescued, 2);
  alice_.start();
  for (User& user : users) {
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
  EXPECT_EQ(node(bob_).live, 2);
}

TEST_P(MatrixSessionStory, AReloadAndAnUpgradeKeepSessionsAndWhatIsInFlight) {
  const Gate gate;
  on("/long", [gate](AnyExchange& exchange) {
    exchange.send_head(200);
    exchange.send("half");
    EXPECT_TRUE(gate.wait());
    exchange.send("half");
    exchange.end();
  });
  TestConfig before = config();
  before.timeouts = {"shutdown = \"20s\""};
  launch(before);
  User anna = live_users_on_alice(1).at(0);
  const auto download = connect();
  download->begin({.target = "/long", .headers = {{"Cookie", "bonedry=" + anna.cookie()}}});
  ASSERT_TRUE(alice_.wait_for("/long", 1));
  const auto clicks_on_alice = [&anna](const std::string& when) {
    EXPECT_EQ(anna.click().status, 200) << when;
    EXPECT_EQ(anna.node(), "alice") << when;
  };

  TestConfig after = before;
  after.pools.at(0).session = {"idle_timeout = \"10m\""};
  bonedry_->configure(after);
  order("reload");
  clicks_on_alice("after the reload");
  bonedry_->upgrade();
  clicks_on_alice("on the connection to the old process");
  anna.go_to(bonedry_->address());
  clicks_on_alice("on one to the new process");
  gate.open();
  const Response response = download->read_response();
  EXPECT_EQ(response.body, "halfhalf");
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_EQ(node(bob_).sessions(), 0);
}

TEST_P(MatrixSessionStory, OurCookieStaysHereAndOthersPass) {
  launch(config());
  User anna = visitor();
  anna.set_cookie("cart", "7");
  const std::string set = anna.click().headers.get("Set-Cookie");
  EXPECT_EQ(set.find("Secure") != std::string::npos, clients().is_tls()) << set;
  anna.set_cookie("lang", "en");
  const Response response = anna.click();
  EXPECT_EQ(nlohmann::json::parse(response.body).at("cookie"), "cart=7; lang=en");
}

}  // namespace
}  // namespace bonedry::test
