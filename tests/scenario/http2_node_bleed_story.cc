// Sessions, bleeds and reloads with nodes that speak HTTP/2.
#include "tests/scenario/http2_node_story.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

class Http2NodeBleedStory : public Http2NodeStory {
 protected:
  /// Users of both protocols with live sessions, some on each node.
  [[nodiscard]] std::vector<User> live_users(int count) const {
    std::vector<User> users;
    for (int i = 0; i < count; ++i) {
      User& user =
          users.emplace_back(address(), kBothProtocols.at(static_cast<std::size_t>(i % 2)));
      user.click();
      EXPECT_EQ(user.click().status, 200);
    }
    return users;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2NodeBleedStory, worker_counts(), name_of_workers);

TEST_P(Http2NodeBleedStory, ABleedMovesNobodyAndTheNodesConnectionsAreClosed) {
  TestConfig config = both();
  config.pools[0].session = {"idle_timeout = \"2s\""};
  launch(config);
  std::vector<User> users = live_users(30);
  std::vector<User*> on_alice;
  for (User& user : users) {
    if (user.node() == "alice") on_alice.push_back(&user);
  }
  ASSERT_GE(on_alice.size(), 5U);
  ASSERT_LE(on_alice.size(), 25U);
  order("bleed alice");
  for (int round = 0; round < 5; ++round) {
    for (User* const user : on_alice) {
      const Response response = user->click("/cart");
      EXPECT_EQ(response.status, 200);
      EXPECT_EQ(user->node(), "alice");
      EXPECT_FALSE(response.headers.has("Set-Cookie"));
    }
    User stranger{address(), kBothProtocols.at(static_cast<std::size_t>(round % 2))};
    EXPECT_EQ(stranger.click().status, 200);
    EXPECT_EQ(stranger.node(), "bob");
  }
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_GT(alice_.open_connections(), 0U);
  ASSERT_TRUE(eventually([this] { return node(alice_).dry; }, kDeadline * 2));
  const NodeView dry = node(alice_);
  EXPECT_EQ(dry.moved + dry.rescued + dry.late, 0) << "nobody was moved";
  EXPECT_TRUE(eventually([this] { return alice_.open_connections() == 0; }))
      << "a dry node has no connections that are of no use";
  const std::size_t requests = alice_.requests();
  for (User* const user : on_alice) EXPECT_EQ(user->click().headers.get("X-Node"), "bob");
  EXPECT_EQ(alice_.requests(), requests) << "she stays dry";
}

TEST_P(Http2NodeBleedStory, AnOpenStreamKeepsItsNodeFromBeingDry) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  TestConfig config = shop(workers(), {at(alice_), at(bob_)}, {"idle_timeout = \"500ms\""});
  launch(config);
  User user{address(), User::Protocol::http2};
  order("bleed bob");
  user.click();
  order("activate bob");
  std::thread click([&] { EXPECT_EQ(user.click("/slow").body, "at last"); });
  EXPECT_TRUE(alice_.wait_for("/slow", 1));
  order("bleed alice");
  EXPECT_FALSE(eventually([this] { return node(alice_).dry; }, Millis{1500}))
      << "three times the idle time-out";
  EXPECT_TRUE(node(alice_).blocked_by("1 open"));
  gate.open();
  click.join();
  EXPECT_TRUE(eventually([this] { return node(alice_).dry; }));
}

TEST_P(Http2NodeBleedStory, ForcedMaintenanceMovesUsersAndALaterOneIsServedByTheNodeAgain) {
  launch(both());
  std::vector<User> users = live_users(10);
  order("maintain alice --force");
  for (User& user : users) {
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
  EXPECT_TRUE(eventually([this] { return alice_.open_connections() == 0; }));
  order("activate alice");
  order("bleed bob");
  User stranger{address()};
  EXPECT_EQ(stranger.click().status, 200);
  EXPECT_EQ(stranger.node(), "alice");
}

/// Alice is told twice: she speaks HTTP/1.1 at one address and HTTP/2 at another.
TEST_P(Http2NodeBleedStory, AReloadChangesTheProtocolUnderRequests) {
  FakeNode old_alice{"alice"};
  const TestConfig new_protocol = with_h2_nodes(shop(workers(), {at(alice_)}));
  const TestConfig old_protocol = with_metrics(with_http2(shop(workers(), {TestNode{old_alice}})));
  bonedry_ = std::make_unique<BonedryProcess>(old_protocol);
  const Gate gate;
  old_alice.on("/slow", [gate](NodeExchange& exchange) {
    (void)gate.wait(kDeadline * 3);
    exchange.respond(200, "at last");
  });
  Http2Client patient{address()};
  const StreamId slow = patient.begin({.target = "/slow"});
  ASSERT_TRUE(old_alice.wait_for("/slow", 1));

  std::atomic<bool> enough{false};
  std::atomic<int> failed{0};
  std::vector<std::thread> users;
  for (const User::Protocol protocol : kBothProtocols) {
    users.emplace_back([&, protocol] {
      User user{address(), protocol};
      while (!enough) {
        const Response response = user.send({.method = "POST", .target = "/", .body = "order"});
        if (response.status != 200 || user.node() != "alice") ++failed;
      }
    });
  }
  const auto served_by = [&](const auto& which) {
    const std::size_t before = which.requests_for("/");
    return which.wait_for("/", before + 20);
  };
  EXPECT_TRUE(served_by(old_alice));
  for (int round = 0; round < 3; ++round) {
    bonedry_->configure(new_protocol);
    order("reload");
    EXPECT_TRUE(served_by(alice_));
    bonedry_->configure(old_protocol);
    order("reload");
    EXPECT_TRUE(served_by(old_alice));
  }
  bonedry_->configure(new_protocol);
  order("reload");
  EXPECT_TRUE(served_by(alice_));
  enough = true;
  for (std::thread& user : users) user.join();
  EXPECT_EQ(failed, 0);
  gate.open();
  EXPECT_EQ(patient.wait(slow).body, "at last") << "what has begun goes on";
  EXPECT_EQ(node(alice_).moved, 0);
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeBleedStory, AnUpgradeLosesNoRequest) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_alice();
  Http2Client patient{address()};
  const StreamId slow = patient.begin({.target = "/slow"});
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  bonedry_->upgrade();
  for (const User::Protocol protocol : kBothProtocols) {
    EXPECT_EQ(ask(protocol, {.method = "POST", .target = "/", .body = "order"}).status, 200);
  }
  gate.open();
  EXPECT_EQ(patient.wait(slow).body, "at last");
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

}  // namespace
}  // namespace bonedry::test
