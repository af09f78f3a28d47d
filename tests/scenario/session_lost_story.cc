// Users whose node is down: rescued to another node, or refused for now, as the pool is configured.
#include "tests/scenario/story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;

class LostStory : public ShopStory {};

INSTANTIATE_TEST_SUITE_P(Workers, LostStory, worker_counts(), name_of_workers);

TEST_P(LostStory, AUserOfADeadNodeIsRescued) {
  launch(config());
  User user = live_user_on(alice_);
  const std::string old_cookie = user.cookie();
  alice_.stop();
  const Response response =
      user.send({.method = "POST", .target = "/buy", .body = std::string(50'000, 'x')});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(user.node(), "bob");
  EXPECT_NE(set_cookie_value(response).value_or(old_cookie), old_cookie);
  EXPECT_EQ(nlohmann::json::parse(response.body).at("size"), 50'000);
  EXPECT_EQ(node(alice_).rescued, 1);
  EXPECT_EQ(node(alice_).live, 0);
  EXPECT_EQ(node(bob_).live, 1);

  alice_.start();
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
    EXPECT_EQ(user.node(), "bob") << "he stays where he was rescued to";
  }
  EXPECT_EQ(node(alice_).rescued, 1);
}

TEST_P(LostStory, APoolMayFailItsUsersInstead) {
  launch(config({"on_lost = \"fail\""}));
  User user = live_user_on(alice_);
  alice_.stop();
  for (int i = 0; i < 5; ++i) {
    const Response response = user.click();
    EXPECT_EQ(response.status, 503);
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
    EXPECT_LT(response.body_size, 1000U);
  }
  EXPECT_EQ(bob_.requests_for("/buy"), 0U);
  EXPECT_EQ(node(alice_).rescued, 0);
  EXPECT_EQ(node(alice_).live, 1) << "his cart may still be there when alice is back";
  alice_.start();
  EXPECT_TRUE(eventually([&] { return user.click().status == 200; }));
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(LostStory, ANodeThatFailsItsHealthCheckLosesItsUsersToo) {
  TestConfig checked = config();
  checked.pools[0].health = {"path = \"/healthz\"", "interval = \"50ms\"", "rise = 1", "fall = 2"};
  launch(checked);
  ASSERT_TRUE(eventually([this] { return node(alice_).health == "up"; }));
  User user = live_user_on(alice_);
  alice_.on("/healthz", answering("HTTP/1.1 500 Sick\r\nContent-Length: 0\r\n\r\n"));
  ASSERT_TRUE(eventually([this] { return node(alice_).health == "down"; }));
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "bob");
  EXPECT_EQ(node(alice_).rescued, 1);
}

TEST_P(LostStory, AUserOfADeadBleedingNodeIsRescuedAndTheNodeIsStillBleeding) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice");
  alice_.stop();
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "bob");
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(node(alice_).rescued, 1);
}

TEST_P(LostStory, WithNowhereToGoAUserKeepsHisNode) {
  launch(config());
  User user = live_user_on(alice_);
  const std::string cookie = user.cookie();
  alice_.stop();
  bob_.stop();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(user.click().status, AnyOf(502, 503));
    EXPECT_EQ(user.cookie(), cookie);
  }
  alice_.start();
  EXPECT_TRUE(eventually([&] { return user.click().status == 200; }));
  EXPECT_EQ(user.node(), "alice");
  EXPECT_EQ(user.cookie(), cookie);
}

TEST_P(LostStory, APlaceOnANodeThatRefusedIsGivenBack) {
  launch(shop(workers(), {alice_, TestNode{bob_, {"max_sessions = 1"}}}));
  order("maintain bob --force");
  User first = live_user_on(alice_);
  User second = live_user_on(alice_);
  order("activate bob");
  alice_.stop();
  bob_.stop();
  EXPECT_THAT(first.click().status, AnyOf(502, 503)) << "Alice is marked from now on";
  EXPECT_THAT(second.click().status, AnyOf(502, 503)) << "so Bob is tried first";
  bob_.start();
  User stranger{bonedry_->address()};
  EXPECT_EQ(stranger.click().status, 200) << "there is nobody on Bob";
  EXPECT_EQ(stranger.node(), "bob");
}

TEST_P(LostStory, ManyUsersAreRescuedAtOnce) {
  launch(config());
  std::vector<User> users;
  for (int i = 0; i < 20; ++i) users.push_back(live_user_on(alice_));
  const auto before = node(alice_);
  alice_.stop();
  for (User& user : users) {
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
  EXPECT_EQ(node(alice_).rescued, 20);
  EXPECT_EQ(node(alice_).live, before.live - 20);
}

TEST_P(LostStory, SimultaneousRequestsOfOneUserAreRescuedTogether) {
  FakeNode carol{"carol"};
  TestConfig three = config();
  three.pools[0].nodes.emplace_back(carol);
  launch(three);
  User user = live_user_on(alice_);
  alice_.stop();
  const Headers cookie = {{"Cookie", "bonedry=" + user.cookie()}};
  std::vector<std::unique_ptr<HttpClient>> connections;
  for (int i = 0; i < 6; ++i) {
    connections.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    connections.back()->send(Request{.target = "/picture", .headers = cookie}.to_wire());
  }
  std::vector<std::string> nodes;
  for (const auto& connection : connections) {
    nodes.push_back(connection->read_response().headers.get("X-Node"));
  }
  EXPECT_THAT(nodes, testing::Each(nodes[0])) << "one user, one cart, one node";
  EXPECT_EQ(node(alice_).rescued, 1);
}

}  // namespace
}  // namespace bonedry::test
