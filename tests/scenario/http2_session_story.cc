// Sessions over HTTP/2: each stream goes to the node of its own user, and a bleed moves nobody,
// however long the connections stay open.
#include "tests/scenario/http2_story.h"

#include <future>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::Each;
using testing::HasSubstr;

class Http2SessionStory : public Http2Story {
 protected:
  /// The cookie of a live session on this node, as a header.
  [[nodiscard]] Headers live_cookie_on(const FakeNode& which) const {
    return {{"Cookie", "bonedry=" + live_user_on(which).cookie()}};
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2SessionStory, worker_counts(), name_of_workers);

TEST_P(Http2SessionStory, EachStreamIsRoutedByItsOwnCookie) {
  launch_http2(config());
  const Headers on_alice = live_cookie_on(alice_);
  const Headers on_bob = live_cookie_on(bob_);
  order("bleed alice");
  Http2Client gateway{address()};
  for (int i = 0; i < 20; ++i) {
    const StreamId to_alice = gateway.begin({.headers = on_alice});
    const StreamId to_bob = gateway.begin({.headers = on_bob});
    const StreamId to_any = gateway.begin({.headers = {{"Cookie", "a=stranger"}}});
    ASSERT_EQ(gateway.wait(to_any).headers.get("X-Node"), "bob");
    ASSERT_EQ(gateway.wait(to_bob).headers.get("X-Node"), "bob");
    ASSERT_EQ(gateway.wait(to_alice).headers.get("X-Node"), "alice");
  }
}

TEST_P(Http2SessionStory, EachNewUserGetsACookieOnTheirOwnStream) {
  launch_http2(config());
  Http2Client gateway{address()};
  const Headers known = live_cookie_on(alice_);
  std::vector<StreamId> strangers;
  std::vector<StreamId> others;
  for (int i = 0; i < 20; ++i) {
    strangers.push_back(gateway.begin({}));
    others.push_back(gateway.begin({.headers = known}));
  }
  std::vector<std::string> cookies;
  for (const StreamId id : strangers) {
    cookies.push_back(set_cookie_value(gateway.wait(id)).value_or(""));
    EXPECT_NE(cookies.back(), "");
  }
  for (const StreamId id : others) EXPECT_FALSE(gateway.wait(id).headers.has("Set-Cookie"));
  std::sort(cookies.begin(), cookies.end());
  EXPECT_EQ(std::adjacent_find(cookies.begin(), cookies.end()), cookies.end()) << "one each";
}

TEST_P(Http2SessionStory, SimultaneousStreamsOfOneUserAreMovedTogether) {
  FakeNode carol{"carol"};
  TestConfig three = config();
  three.pools[0].nodes.emplace_back(carol);
  launch_http2(three);
  const Headers cookie = live_cookie_on(alice_);
  order("maintain alice --force");
  Http2Client browser{address()};
  std::vector<StreamId> pictures;
  for (int i = 0; i < 8; ++i) {
    pictures.push_back(browser.begin({.target = "/picture", .headers = cookie}));
  }
  std::vector<std::string> nodes;
  for (const StreamId id : pictures) nodes.push_back(browser.wait(id).headers.get("X-Node"));
  EXPECT_THAT(nodes, Each(nodes[0])) << "one user, one cart, one node";
  EXPECT_NE(nodes[0], "alice");
  EXPECT_EQ(node(alice_).moved, 1);
}

TEST_P(Http2SessionStory, AStreamThatWaitsKeepsItsSessionAndItsNode) {
  launch_http2(config({"idle_timeout = \"500ms\""}));
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  const Headers cookie = live_cookie_on(alice_);
  Http2Client browser{address()};
  const StreamId slow = browser.begin({.target = "/slow", .headers = cookie});
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  order("bleed alice");
  EXPECT_FALSE(eventually_dry(alice_, Millis{1500})) << "three times the idle time-out";
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_TRUE(node(alice_).blocked_by("1 open"));
  gate.open();
  EXPECT_EQ(browser.wait(slow).body, "at last");
  EXPECT_TRUE(eventually_dry(alice_)) << "the connection is still open";
  EXPECT_TRUE(browser.usable());
}

/// A connection that stays open, with its users.
struct Household {
  std::shared_ptr<Http2Client> connection;
  std::vector<User> users;
};

/// The main story over HTTP/2: 300 users on 200 connections, every second of which carries two.
class Http2BleedStory : public Http2SessionStory {
 protected:
  static constexpr std::size_t kConnections = 200;
  static constexpr std::size_t kThreads = 4;
  static constexpr Millis kUserIdle{5000};

  void SetUp() override {
    launch_http2(config({"idle_timeout = \"5s\""}));
    for (std::size_t i = 0; i < kConnections; ++i) {
      Household& home = homes_.emplace_back();
      home.connection = std::make_shared<Http2Client>(address());
      home.users.emplace_back(home.connection);
      if (i % 2 == 1) home.users.emplace_back(home.connection);
    }
  }

  /// Everybody clicks, on several threads. Returns how many were served by another node than
  /// before, or got a cookie again.
  std::size_t everybody_clicks() {
    std::vector<std::future<std::size_t>> parts;
    for (std::size_t part = 0; part < kThreads; ++part) {
      parts.push_back(std::async(std::launch::async, [this, part] {
        std::size_t moved = 0;
        for (std::size_t i = part; i < homes_.size(); i += kThreads) moved += click_at(homes_[i]);
        return moved;
      }));
    }
    std::size_t moved = 0;
    for (auto& part : parts) moved += part.get();
    return moved;
  }

  [[nodiscard]] std::size_t users_on(const FakeNode& which) const {
    std::size_t count = 0;
    for (const Household& home : homes_) {
      count += static_cast<std::size_t>(
          std::count_if(home.users.begin(), home.users.end(),
                        [&](const User& user) { return user.node() == which.name(); }));
    }
    return count;
  }
  void expect_exact_counts() const {
    const auto status = bonedry_->status();
    for (const FakeNode* each : {&alice_, &bob_}) {
      const NodeView view = node_view(status, each->name());
      EXPECT_EQ(view.live, static_cast<std::int64_t>(users_on(*each))) << each->name();
      EXPECT_EQ(view.pending, 0) << each->name();
    }
  }
  [[nodiscard]] bool all_connections_are_open() {
    return std::all_of(homes_.begin(), homes_.end(),
                       [](const Household& home) { return home.connection->usable(); });
  }

  std::vector<Household> homes_;

 private:
  static std::size_t click_at(Household& home) {
    std::size_t moved = 0;
    for (User& user : home.users) {
      const std::string before = user.node();
      const Response response = user.click();
      EXPECT_EQ(response.status, 200);
      const bool is_known = !before.empty();
      if (is_known && (user.node() != before || response.headers.has("Set-Cookie"))) ++moved;
    }
    return moved;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2BleedStory, worker_counts(), name_of_workers);

TEST_P(Http2BleedStory, ABleedMovesNobodyFromConnectionsThatStayOpen) {
  EXPECT_EQ(everybody_clicks(), 0U);
  EXPECT_EQ(everybody_clicks(), 0U);
  EXPECT_GE(users_on(alice_), 100U) << "or it was no story";
  EXPECT_GE(users_on(bob_), 100U);
  expect_exact_counts();
  order("bleed alice");
  const NodeView before = node(alice_);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(everybody_clicks(), 0U) << "moved by the bleed";
    expect_exact_counts();
  }
  std::int64_t strangers = 0;
  for (Household& home : homes_) {  // new users on old connections
    User stranger{home.connection};
    EXPECT_EQ(stranger.click().status, 200);
    EXPECT_EQ(stranger.node(), "bob");
    ++strangers;
  }
  const NodeView after = node(alice_);
  EXPECT_EQ(after.begun, before.begun) << "no new session on a bleeding node";
  EXPECT_EQ(after.sessions(), before.sessions());
  EXPECT_EQ(node(bob_).pending, strangers);

  EXPECT_EQ(everybody_clicks(), 0U);
  const TestTime last_click = TestClock::now();
  const RunResult wait = ctl().run({"wait", "alice"}, kDeadline * 3);
  EXPECT_EQ(wait.code, 0) << wait.err;
  EXPECT_THAT(wait.out, testing::StartsWith("dry"));
  EXPECT_LE(wait.ended, last_click + kUserIdle + scaled(Millis{1500}))
      << "after the last session has ended";
  const NodeView dry = node(alice_);
  EXPECT_TRUE(dry.dry);
  EXPECT_EQ(dry.moved + dry.rescued + dry.late, 0) << "nobody was moved";
  EXPECT_TRUE(all_connections_are_open()) << "and nobody's connection was closed for it";
  const std::size_t requests = alice_.requests();
  (void)everybody_clicks();  // whose sessions have ended
  EXPECT_EQ(alice_.requests(), requests) << "she stays dry";
}

TEST_P(Http2SessionStory, ADeadlineMovesWhoIsStillThereOnConnectionsThatStayOpen) {
  launch_http2(config());
  const auto shared = std::make_shared<Http2Client>(address());
  std::vector<User> users;
  order("bleed bob");
  for (int i = 0; i < 5; ++i) {
    User& user = users.emplace_back(shared);
    user.click();
    user.click();
    ASSERT_EQ(user.node(), "alice");
  }
  order("activate bob");
  order("bleed alice --deadline 1s");
  ASSERT_TRUE(eventually_dry(alice_));
  for (User& user : users) {
    const std::string old_cookie = user.cookie();
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
    EXPECT_NE(user.cookie(), old_cookie);
    EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  }
  EXPECT_EQ(node(alice_).moved, 5);
  EXPECT_TRUE(shared->usable());
}

TEST_P(Http2SessionStory, WithNoNodeToChooseOnlyStrangersAreToldToComeBack) {
  launch_http2(config());
  const Headers known = live_cookie_on(alice_);
  order("bleed alice");
  order("bleed bob --force");
  Http2Client gateway{address()};
  const StreamId stranger = gateway.begin({});
  const StreamId user = gateway.begin({.headers = known});
  const Response refused = gateway.wait(stranger);
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.headers.has("Retry-After"));
  EXPECT_FALSE(refused.headers.has("Set-Cookie"));
  EXPECT_EQ(gateway.wait(user).headers.get("X-Node"), "alice");
}

TEST_P(Http2SessionStory, APassLeadsItsStreamsAlone) {
  launch_http2(config());
  order("bleed alice");
  ASSERT_TRUE(eventually_dry(alice_));
  order("maintain alice");
  const std::string pass = bonedry_->admin_json("pass alice json").at("query");
  Http2Client gateway{address()};
  const Response redirect = gateway.get("/?" + pass);
  EXPECT_EQ(redirect.status / 100, 3);
  const std::string name = "bonedry-pass-shop";
  const Headers tester = {
      {"Cookie", name + "=" + set_cookie_value(redirect, name).value_or("none")}};
  for (int i = 0; i < 5; ++i) {
    const StreamId test = gateway.begin({.headers = tester});
    const StreamId visit = gateway.begin({});
    EXPECT_EQ(gateway.wait(test).headers.get("X-Node"), "alice");
    EXPECT_EQ(gateway.wait(visit).headers.get("X-Node"), "bob");
  }
}

}  // namespace
}  // namespace bonedry::test
