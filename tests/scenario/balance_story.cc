// The policies: how new sessions, and exchanges without sessions, are spread over the nodes.
#include "tests/scenario/story.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

class BalanceStory : public ShopStory {
 protected:
  using Spread = std::map<std::string, int>;

  void launch_with(const std::string& policy, std::vector<unsigned> weights,
                   std::vector<std::string> session = {}, std::vector<std::string> pool = {}) {
    pool.push_back("balance = \"" + policy + '"');
    TestConfig weighted = config(std::move(session), std::move(pool));
    weighted.pools[0].nodes.emplace_back(carol_);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weighted.pools[0].nodes[i].keys = {"weight = " + std::to_string(weights[i])};
    }
    launch(weighted);
  }

  [[nodiscard]] Spread strangers(int count) const {
    Spread spread{{"alice", 0}, {"bob", 0}, {"carol", 0}};
    for (int i = 0; i < count; ++i) {
      User user{bonedry_->address()};
      user.click();
      ++spread[user.node()];
    }
    return spread;
  }

  static void expect_near(const Spread& spread, const std::string& node, int expected, int by) {
    EXPECT_NEAR(spread.at(node), expected, by) << node;
  }

  FakeNode carol_{"carol"};
};

INSTANTIATE_TEST_SUITE_P(Workers, BalanceStory, worker_counts(), name_of_workers);

TEST_P(BalanceStory, LeastSessionsFillsTheEmptiestNode) {
  launch_with("least-sessions", {100, 100, 100});
  const Spread even = strangers(60);
  for (const char* node : {"alice", "bob", "carol"}) expect_near(even, node, 20, 0);
  order("bleed carol");
  expect_near(strangers(20), "carol", 0, 0);
  order("activate carol");
  const Spread filling = strangers(10);
  expect_near(filling, "carol", 10, 0);
}

TEST_P(BalanceStory, LeastSessionsIsWeighted) {
  launch_with("least-sessions", {300, 200, 100});
  const Spread spread = strangers(60);
  expect_near(spread, "alice", 30, 1);
  expect_near(spread, "bob", 20, 1);
  expect_near(spread, "carol", 10, 1);
}

TEST_P(BalanceStory, RoundRobinTakesTurns) {
  launch_with("round-robin", {100, 100, 100});
  // Each worker has its own round-robin: it may be off by less than one per worker.
  const Spread spread = strangers(120);
  for (const char* node : {"alice", "bob", "carol"}) {
    expect_near(spread, node, 40, static_cast<int>(workers()));
  }
}

TEST_P(BalanceStory, RoundRobinIsWeighted) {
  launch_with("round-robin", {300, 200, 100});
  const Spread spread = strangers(120);
  const int slack = 2 * static_cast<int>(workers());
  expect_near(spread, "alice", 60, slack);
  expect_near(spread, "bob", 40, slack);
  expect_near(spread, "carol", 20, slack);
}

TEST_P(BalanceStory, LeastExchangesAvoidsTheBusyNode) {
  launch_with("least-exchanges", {100, 100, 100}, {"sticky = \"none\""});
  const Gate gate;
  const auto slow = [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    answer_plainly(exchange);
  };
  for (FakeNode* node : {&alice_, &bob_, &carol_}) node->on("/slow", slow);
  std::vector<std::unique_ptr<HttpClient>> clients;
  const auto slow_requests = [this] {
    return alice_.requests_for("/slow") + bob_.requests_for("/slow") + carol_.requests_for("/slow");
  };
  for (std::size_t i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    clients.back()->send(Request{.target = "/slow"}.to_wire());
    ASSERT_TRUE(eventually([&] { return slow_requests() == i + 1; }));
  }
  for (const FakeNode* node : {&alice_, &bob_, &carol_}) EXPECT_EQ(node->requests_for("/slow"), 4U);
  gate.open();
  for (const auto& client : clients) EXPECT_EQ(client->read_response().status, 200);
}

TEST_P(BalanceStory, RandomReachesEveryNode) {
  launch_with("random", {100, 100, 100});
  const Spread spread = strangers(150);
  for (const char* node : {"alice", "bob", "carol"}) expect_near(spread, node, 50, 25);
}

TEST_P(BalanceStory, RandomIsWeighted) {
  launch_with("random", {300, 100, 100}, {"sticky = \"none\""});
  const Spread spread = strangers(300);
  EXPECT_GT(spread.at("alice"), spread.at("bob") + 20);
  EXPECT_GT(spread.at("alice"), spread.at("carol") + 20);
  EXPECT_GT(spread.at("bob"), 10);
  EXPECT_GT(spread.at("carol"), 10);
}

TEST_P(BalanceStory, ANodeThatComesBackStartsSlowly) {
  const Millis ramp = scaled(Millis{4000});
  launch_with("round-robin", {100, 100, 100}, {},
              {"slow_start = \"" + std::to_string(ramp.count()) + "ms\""});
  const Spread at_start = strangers(30);
  expect_near(at_start, "alice", 10, static_cast<int>(workers()));
  order("bleed alice --force");
  order("maintain alice --force");
  order("activate alice");
  const TestTime back = TestClock::now();
  const Spread early = strangers(60);
  ASSERT_LT(elapsed_since(back), ramp / 3) << "too slow a machine to tell";
  EXPECT_LE(early.at("alice"), 12) << "far from its share of 20";
  EXPECT_TRUE(eventually(
      [&] {
        const Spread later = strangers(60);
        return later.at("alice") >= 16;
      },
      ramp * 2, Millis{200}))
      << "in the end it takes its full share";
  EXPECT_GE(elapsed_since(back), ramp / 2);
}

TEST_P(BalanceStory, SlowStartDoesNotEmptyAPool) {
  TestConfig one = shop(workers(), {alice_}, {}, {"slow_start = \"60s\""});
  launch(one);
  order("bleed alice --force");
  order("activate alice");
  expect_near(strangers(20), "alice", 20, 0);
}

}  // namespace
}  // namespace bonedry::test
