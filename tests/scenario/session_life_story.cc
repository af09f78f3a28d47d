// The life of a session: how it begins, what it counts as, and every way in which it ends.
#include "tests/scenario/story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

class SessionStory : public ShopStory {
 protected:
  [[nodiscard]] std::int64_t all(std::int64_t NodeView::*figure) const {
    const auto status = bonedry_->status();
    return node_view(status, "alice").*figure + node_view(status, "bob").*figure;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, SessionStory, worker_counts(), name_of_workers);

TEST_P(SessionStory, ASessionIsPendingUntilItsCookieComesBack) {
  launch(config());
  std::vector<User> users;
  for (int i = 1; i <= 10; ++i) {
    users.emplace_back(bonedry_->address()).click();
    EXPECT_EQ(all(&NodeView::pending), i);
    EXPECT_EQ(all(&NodeView::live), 0);
  }
  for (int i = 1; i <= 10; ++i) {
    users[static_cast<std::size_t>(i) - 1].click();
    EXPECT_EQ(all(&NodeView::pending), 10 - i);
    EXPECT_EQ(all(&NodeView::live), i);
  }
  EXPECT_EQ(all(&NodeView::begun), 10);
  EXPECT_EQ(bonedry_->status().at("ledger").at("sessions"), 10);
  // A client has its response a moment before its exchange is over.
  EXPECT_TRUE(eventually([this] { return all(&NodeView::exchanges_open) == 0; }));
}

TEST_P(SessionStory, ACrawlerMakesPendingSessionsOnly) {
  launch(config());
  HttpClient crawler{bonedry_->address()};
  for (int i = 0; i < 50; ++i) EXPECT_EQ(crawler.get("/item" + std::to_string(i)).status, 200);
  EXPECT_EQ(all(&NodeView::pending), 50);
  EXPECT_EQ(all(&NodeView::live), 0);
}

TEST_P(SessionStory, APageWithManyPicturesIsOneUser) {
  // A browser sends several requests at once, all with the same cookie.
  launch(config());
  User user = new_user_on(alice_);
  const std::int64_t before = all(&NodeView::live) + all(&NodeView::pending);
  const Headers cookie = {{"Cookie", "bonedry=" + user.cookie()}};
  std::vector<std::unique_ptr<HttpClient>> connections;
  for (int i = 0; i < 6; ++i) {
    connections.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    connections.back()->send(Request{.target = "/picture", .headers = cookie}.to_wire());
  }
  for (const auto& connection : connections) {
    const Response response = connection->read_response();
    EXPECT_EQ(response.headers.get("X-Node"), "alice");
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
  }
  EXPECT_EQ(all(&NodeView::live) + all(&NodeView::pending), before);
  EXPECT_EQ(node(alice_).live, 1);
}

TEST_P(SessionStory, ASessionCountsFromItsFirstResponse) {
  launch(config());
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "hello");
  });
  order("bleed bob");
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/slow"}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  EXPECT_EQ(node(alice_).sessions(), 0);
  EXPECT_EQ(node(alice_).exchanges_open, 1);
  gate.open();
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(node(alice_).pending, 1);
  EXPECT_TRUE(eventually([this] { return node(alice_).exchanges_open == 0; }));
}

TEST_P(SessionStory, NobodyWhoWasNotServedIsCounted) {
  launch(config());
  alice_.stop();
  bob_.stop();
  HttpClient client{bonedry_->address()};
  for (int i = 0; i < 5; ++i) EXPECT_GE(client.get("/").status, 502);
  EXPECT_EQ(all(&NodeView::pending) + all(&NodeView::live), 0);
}

TEST_P(SessionStory, AnIdleSessionEndsAndItsUserIsNewWhenHeComesBack) {
  launch(config({"idle_timeout = \"1s\""}));
  User user = live_user_on(alice_);
  const TestTime left = TestClock::now();
  const std::string old_cookie = user.cookie();
  ASSERT_TRUE(eventually([this] { return node(alice_).live == 0; }));
  EXPECT_GE(elapsed_since(left), Millis{900});
  EXPECT_LE(elapsed_since(left), scaled(Millis{1500}));

  const auto before = node(alice_);
  const Response response = user.click();
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(set_cookie_value(response).value_or(old_cookie), old_cookie);
  EXPECT_EQ(node(alice_).late, before.late + 1) << "he was on alice, and came too late";
  EXPECT_TRUE(eventually([this] {
    return bonedry_->out().find("\"verdict\":\"late\"") != std::string::npos;
  })) << "the access log calls it what the counter calls it";
}

TEST_P(SessionStory, ClicksKeepASessionAlive) {
  launch(config({"idle_timeout = \"1s\""}));
  User user = live_user_on(alice_);
  const TestTime start = TestClock::now();
  while (elapsed_since(start) < Millis{2500}) {
    ASSERT_FALSE(user.click().headers.has("Set-Cookie"));
    ASSERT_EQ(user.node(), "alice");
    std::this_thread::sleep_for(Millis{200});  // the user reads the page
  }
  EXPECT_EQ(node(alice_).live, 1);
}

TEST_P(SessionStory, AnOpenExchangeKeepsItsSessionAlive) {
  launch(config({"idle_timeout = \"1s\""}));
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "hello");
  });
  User user = live_user_on(alice_);
  HttpClient client{bonedry_->address()};
  client.send(
      Request{.target = "/slow", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  EXPECT_FALSE(eventually([this] { return node(alice_).live == 0; }, Millis{2500}));
  gate.open();
  EXPECT_EQ(client.read_response().status, 200);
  const TestTime ended = TestClock::now();
  EXPECT_FALSE(user.click().headers.has("Set-Cookie")) << "his time began anew with its end";
  EXPECT_TRUE(eventually([this] { return node(alice_).live == 0; }));
  EXPECT_GE(elapsed_since(ended), Millis{900});
}

TEST_P(SessionStory, ASlowDownloadKeepsItsSessionAlive) {
  launch(config({"idle_timeout = \"1s\""}));
  const Gate gate;
  alice_.on("/film", [gate](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", "10"}}) + "12345");
    EXPECT_TRUE(gate.wait());
    exchange.send("67890");
  });
  User user = live_user_on(alice_);
  order("bleed alice");
  HttpClient client{bonedry_->address()};
  client.send(
      Request{.target = "/film", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}.to_wire());
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_FALSE(eventually_dry(alice_, Millis{2500}));
  EXPECT_EQ(node(alice_).live, 1);
  gate.open();
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(SessionStory, PendingSessionsMayHaveAShorterTime) {
  launch(config({"idle_timeout = \"60s\"", "pending_timeout = \"500ms\""}));
  User user = live_user_on(alice_);
  HttpClient crawler{bonedry_->address()};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(crawler.get("/").status, 200);
  EXPECT_GE(all(&NodeView::pending), 10);
  EXPECT_TRUE(eventually([this] { return all(&NodeView::pending) == 0; }));
  EXPECT_EQ(all(&NodeView::live), 1);
}

TEST_P(SessionStory, NoSessionOutlivesItsMaximum) {
  launch(config({"idle_timeout = \"1s\"", "max_lifetime = \"2s\""}));
  User user = new_user_on(alice_);
  const TestTime born = TestClock::now();
  const std::string first_cookie = user.cookie();
  Millis last_with_it{0};
  const bool renewed = eventually(
      [&] {
        const Millis sent = elapsed_since(born);
        user.click();
        if (user.cookie() == first_cookie) last_with_it = sent;
        return user.cookie() != first_cookie;
      },
      kDeadline, Millis{100});
  EXPECT_TRUE(renewed);
  EXPECT_GE(elapsed_since(born), Millis{1800});
  EXPECT_LT(last_with_it, Millis{2050}) << "every click after its time begins anew";
}

TEST_P(SessionStory, AFullLedgerLetsTheOldestPendingSessionGo) {
  TestConfig small = config();
  small.ledger = {"sessions = 20"};
  launch(small);
  std::vector<User> live;
  for (int i = 0; i < 5; ++i) {
    live.emplace_back(bonedry_->address()).click();
    live.back().click();
  }
  HttpClient crawler{bonedry_->address()};
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(crawler.get("/").status, 200) << "a full ledger refuses nobody";
    const auto ledger = bonedry_->status().at("ledger");
    ASSERT_LE(ledger.at("sessions"), 20);
    ASSERT_EQ(ledger.at("capacity"), 20);
  }
  EXPECT_EQ(all(&NodeView::live), 5) << "crawlers push out no user";
  EXPECT_EQ(all(&NodeView::pending), 15);
  EXPECT_EQ(bonedry_->status().at("ledger").at("evicted"), 45) << "never silently";
  for (User& user : live) EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_TRUE(eventually([this] {
    return (bonedry_->admin("events") + bonedry_->out() + bonedry_->err()).find("evicted") !=
           std::string::npos;
  })) << "and it is written down";
}

TEST_P(SessionStory, SessionsOfANodeAreListed) {
  launch(config());
  User user = live_user_on(alice_);
  for (int i = 0; i < 3; ++i) user.click();
  const auto listed = [this] { return bonedry_->admin_json("sessions alice json").at("sessions"); };
  ASSERT_TRUE(eventually([&] { return listed().at(0).at("idle_s") > 0.02; }));
  User other = new_user_on(alice_);
  const auto list = listed();
  ASSERT_EQ(list.size(), 2U);
  for (const auto& session : list) {
    EXPECT_GE(session.at("id").get<std::string>().size(), 4U);
    EXPECT_THAT(user.cookie() + other.cookie(), testing::Not(HasSubstr(session.at("id"))));
    EXPECT_GE(session.at("age_s"), 0.0);
    EXPECT_LT(session.at("idle_s"), 60.0);
  }
  EXPECT_EQ(list[0].at("state"), "live") << "the longest idle first";
  EXPECT_EQ(list[0].at("exchanges"), 5);
  EXPECT_EQ(list[1].at("state"), "pending");
  EXPECT_EQ(list[1].at("exchanges"), 1);
  EXPECT_THAT(bonedry_->admin("sessions alice"), HasSubstr(list[0].at("id").get<std::string>()));
}

TEST_P(SessionStory, ManyUsersAtOnceAreCountedExactly) {
  launch(config());
  std::vector<std::thread> crowd;
  std::atomic<int> failures{0};
  for (int thread = 0; thread < 16; ++thread) {
    crowd.emplace_back([&] {
      try {
        for (int i = 0; i < 25; ++i) {
          User user{bonedry_->address()};
          user.click();
          if (i % 5 != 0) user.click();  // four of five return
        }
      } catch (const std::exception&) {
        ++failures;
      }
    });
  }
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(all(&NodeView::live), 320);
  EXPECT_EQ(all(&NodeView::pending), 80);
  EXPECT_EQ(all(&NodeView::begun), 400);
  EXPECT_TRUE(eventually([this] { return all(&NodeView::exchanges_open) == 0; }));
}

}  // namespace
}  // namespace bonedry::test
