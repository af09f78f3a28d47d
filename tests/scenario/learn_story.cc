// Sticky mode `learn`: users are identified by the application's own cookie.
#include "tests/scenario/story.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kCookie = "JSESSIONID";

/// An application on one node that behaves like a servlet container. "/" gives a new value to users
/// without one, or with one that it did not give; "/login" gives every user a new value; "/logout"
/// removes it; "/plain" does none of these.
class App {
 public:
  explicit App(FakeNode& node) : node_(node) {
    node.on("/", [this](NodeExchange& exchange) {
      const std::string cookie = exchange.request().headers.get("Cookie");
      const bool known = cookie.find("of-" + node_.name()) != std::string::npos;
      exchange.respond(200, cookie, known ? Headers{} : given());
    });
    node.on("/login", [this](NodeExchange& exchange) {
      exchange.read_body();
      exchange.respond(302, "", given());
    });
    node.on("/logout", [](NodeExchange& exchange) {
      exchange.read_body();
      exchange.respond(302, "", {{"Set-Cookie", "JSESSIONID=; Max-Age=0; Path=/"}});
    });
    node.on("/bye", [](NodeExchange& exchange) {
      exchange.respond(200, "", {{"X-Logged-Out", "1"}});
    });
  }

 private:
  Headers given() {
    return {{"Set-Cookie", "JSESSIONID=" + std::to_string(++values_) + "-of-" + node_.name() +
                               "; Path=/; HttpOnly"}};
  }

  FakeNode& node_;
  std::atomic<int> values_{0};
};

class LearnStory : public ShopStory {
 protected:
  [[nodiscard]] TestConfig learning(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"sticky = \"learn\"", "cookie = \"JSESSIONID\""});
    return config(std::move(more));
  }

  /// A user on alice whose cookie value neither node has given, and both nodes accept.
  User user_with_a_shared_value_on_alice() {
    for (FakeNode* each : {&alice_, &bob_}) each->on("/", answer_plainly);
    order("bleed bob");
    User user{bonedry_->address()};
    user.set_cookie(kCookie, "shared-by-all-nodes");
    user.click();
    user.click();
    order("activate bob");
    return user;
  }

  App alices_{alice_};
  App bobs_{bob_};
};

INSTANTIATE_TEST_SUITE_P(Workers, LearnStory, worker_counts(), name_of_workers);

TEST_P(LearnStory, AGivenValuePinsItsUser) {
  launch(learning());
  for (int i = 0; i < 10; ++i) {
    User user{bonedry_->address()};
    const Response first = user.click();
    const std::string node = user.node();
    EXPECT_EQ(bonedry_->node(node).pending, 1);
    for (int click = 0; click < 5; ++click) {
      const Response page = user.click();
      ASSERT_EQ(user.node(), node);
      EXPECT_EQ(page.body, "JSESSIONID=" + user.cookie(kCookie)) << "the node gets to see it";
      EXPECT_FALSE(page.headers.has("Set-Cookie"));
      if (click == 2) user.disconnect();
    }
    EXPECT_EQ(bonedry_->node(node).pending, 0);
    EXPECT_EQ(first.headers.all("Set-Cookie"),
              std::vector{"JSESSIONID=" + user.cookie(kCookie) + "; Path=/; HttpOnly"})
        << "and nothing of ours";
  }
  EXPECT_EQ(node(alice_).live + node(bob_).live, 10);
  EXPECT_EQ(node(alice_).begun + node(bob_).begun, 10);
}

TEST_P(LearnStory, WhoIsGivenNoValueIsNotCounted) {
  launch(learning());
  HttpClient client{bonedry_->address()};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.get("/plain").status, 200);
  EXPECT_EQ(node(alice_).sessions() + node(bob_).sessions(), 0);
}

TEST_P(LearnStory, OnlyItsOwnUsersReachABleedingNodeUntilItIsDry) {
  launch(learning());
  std::vector<User> users = live_users_on_alice(12);
  order("bleed alice");
  EXPECT_EQ(node(alice_).live, 12);
  const std::size_t asked = alice_.requests();
  for (int i = 0; i < 20; ++i) {
    User stranger{bonedry_->address()};
    if (i % 2 == 0) stranger.set_cookie(kCookie, std::to_string(1000 + i) + "-of-alice");
    stranger.click();
    ASSERT_EQ(stranger.node(), "bob");
  }
  EXPECT_EQ(alice_.requests(), asked);
  EXPECT_EQ(node(alice_).sessions(), 12);
  std::int64_t left = 12;
  for (User& user : users) {
    user.click();
    ASSERT_EQ(user.node(), "alice");
    ASSERT_FALSE(node(alice_).dry);
    EXPECT_EQ(user.click("/logout").status, 302);
    ASSERT_EQ(node(alice_).live, --left);
    user.click();
    ASSERT_EQ(user.node(), "bob") << "he comes back as a new user";
  }
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(node(alice_).logged_out, 12);
}

TEST_P(LearnStory, SessionsEndByTimeToo) {
  launch(learning({"idle_timeout = \"1s\""}));
  std::vector<User> users = live_users_on_alice(5);
  order("bleed alice");
  EXPECT_TRUE(eventually_dry(alice_));
  users[0].click();
  EXPECT_EQ(users[0].node(), "bob");
}

TEST_P(LearnStory, ALoginChangesTheValueAndNotTheUser) {
  launch(learning());
  std::vector<User> users = live_users_on_alice(1);
  User& user = users[0];
  order("bleed alice");
  const std::string guest = user.cookie(kCookie);
  for (int login = 0; login < 3; ++login) {
    EXPECT_EQ(user.send({.method = "POST", .target = "/login"}).status, 302);
    EXPECT_EQ(node(alice_).live, 1) << "the old session is over, the new one live at once";
    EXPECT_EQ(node(alice_).pending, 0);
    user.click();
    EXPECT_EQ(user.node(), "alice");
  }
  EXPECT_NE(user.cookie(kCookie), guest);
  EXPECT_EQ(node(alice_).begun, 1);
  User late{bonedry_->address()};
  late.set_cookie(kCookie, guest);
  late.click();
  EXPECT_EQ(late.node(), "alice") << "a request that was on its way is its user's";
  EXPECT_EQ(node(alice_).live, 1);
}

TEST_P(LearnStory, ALoginBesideAnotherRequestIsOneUser) {
  launch(learning({"idle_timeout = \"2s\""}));
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "");
  });
  std::vector<User> users = live_users_on_alice(1);
  HttpClient parallel{bonedry_->address()};
  const Headers guest{{"Cookie", "JSESSIONID=" + users[0].cookie(kCookie)}};
  parallel.send(Request{.target = "/slow", .headers = guest}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  EXPECT_EQ(users[0].click("/login").status, 302);
  EXPECT_EQ(node(alice_).live, 1);
  order("bleed alice");
  gate.open();
  EXPECT_EQ(parallel.read_response().status, 200);
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(LearnStory, RequestsAndFieldsThatSayLogoutWorkAsWell) {
  launch(learning(
      {R"(logout = [{ method = "GET", path = "/login" }])", "logout_header = \"X-Logged-Out\""}));
  std::vector<User> users = live_users_on_alice(2);
  const Response bye = users[0].click("/bye");
  EXPECT_FALSE(bye.headers.has("Set-Cookie")) << "the application's cookie is not ours to touch";
  EXPECT_FALSE(bye.headers.has("X-Logged-Out"));
  EXPECT_EQ(node(alice_).live, 1);
  users[1].click("/login");
  EXPECT_EQ(node(alice_).sessions(), 0) << "a value given at a logout is nobody's yet";
  EXPECT_EQ(node(alice_).logged_out, 2);
}

TEST_P(LearnStory, AUserIsRescuedUnderTheSameValue) {
  launch(learning());
  for (FakeNode* each : {&alice_, &bob_}) each->on("/", answer_plainly);
  User user{bonedry_->address()};
  user.set_cookie(kCookie, "shared-by-all-nodes");
  user.click();
  user.click();
  FakeNode& home = user.node() == "alice" ? alice_ : bob_;
  FakeNode& refuge = user.node() == "alice" ? bob_ : alice_;
  EXPECT_EQ(node(home).live, 1);
  home.stop();
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), refuge.name());
  EXPECT_EQ(node(home).rescued, 1);
  EXPECT_EQ(node(home).sessions(), 0);
  EXPECT_EQ(node(refuge).live, 1);
  home.start();
  for (int i = 0; i < 5; ++i) {
    user.click();
    EXPECT_EQ(user.node(), refuge.name()) << "he stays where he was put";
  }
}

TEST_P(LearnStory, ADeadlineMovesTheKey) {
  launch(learning());
  User user = user_with_a_shared_value_on_alice();
  order("bleed alice --deadline 100ms");
  EXPECT_TRUE(eventually_dry(alice_));
  for (int i = 0; i < 3; ++i) {
    user.click();
    EXPECT_EQ(user.node(), "bob");
  }
  EXPECT_EQ(node(alice_).moved, 1);
  EXPECT_EQ(node(bob_).live, 1);
}

TEST_P(LearnStory, ForgedValuesMakePendingSessionsOnActiveNodesAlone) {
  launch(learning());
  alice_.on("/", answer_plainly);
  bob_.on("/", answer_plainly);
  order("bleed alice");
  for (int i = 0; i < 50; ++i) {
    HttpClient forger{bonedry_->address()};
    const Headers forged{{"Cookie", "JSESSIONID=forged-" + std::to_string(i)}};
    ASSERT_EQ(forger.get("/", forged).headers.get("X-Node"), "bob");
  }
  EXPECT_EQ(node(alice_).sessions(), 0);
  EXPECT_EQ(node(bob_).pending, 50);
  EXPECT_EQ(node(bob_).live, 0);
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(LearnStory, NoValueIsToldToAnybody) {
  launch(learning());
  std::vector<User> users = live_users_on_alice(3);
  EXPECT_TRUE(eventually(
      [this] { return bonedry_->out().find("\"verdict\":\"own_node\"") != std::string::npos; }));
  const std::string told = bonedry_->admin("sessions alice") +
                           bonedry_->admin("sessions alice json") + bonedry_->admin("events") +
                           bonedry_->out() + bonedry_->err();
  for (const User& user : users) EXPECT_THAT(told, Not(HasSubstr(user.cookie(kCookie))));
}

TEST_P(LearnStory, AfterALostLedgerNodesAreNotDryThoughNoUserIsFoundAgain) {
  TestConfig config = learning({"idle_timeout = \"3s\""});
  config.server = {R"(secrets = ["a secret that was used before, 32 or more"])"};
  launch(config);
  User user = user_with_a_shared_value_on_alice();
  order("bleed alice");
  const TestTime restarted = TestClock::now();
  bonedry_->kill9();
  ASSERT_TRUE(std::filesystem::remove(bonedry_->state_dir() + "/ledger"));
  bonedry_->start();
  user.go_to(bonedry_->address());
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_TRUE(node(alice_).blocked_by("incomplete"));
  user.click();
  EXPECT_EQ(user.node(), "bob") << "the value does not say where he was";
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_GE(elapsed_since(restarted), Millis{2900});
}

}  // namespace
}  // namespace bonedry::test
