// What was counted goes on over an upgrade, with what the old process still finishes or gives up.
#include "tests/scenario/story.h"

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <vector>

namespace bonedry::test {
namespace {

class UpgradeCountersStory : public ShopStory {
 protected:
  /// Idle connections are closed soon, so that an old process does not stay for a minute.
  [[nodiscard]] TestConfig quick() const {
    TestConfig shop = config();
    shop.timeouts = {"shutdown = \"2s\"", "idle = \"1s\""};
    return shop;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, UpgradeCountersStory, worker_counts(), name_of_workers);

TEST_P(UpgradeCountersStory, WhatTheOldProcessGaveUpIsCounted) {
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "too late");
  });
  TestConfig shop = config();
  shop.timeouts = {"shutdown = \"100ms\""};
  launch(shop);
  order("bleed bob");
  HttpClient client(bonedry_->address());
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_TRUE(eventually([&] { return node(alice_).exchanges_open == 1; }));
  const pid_t before = bonedry_->pid();
  bonedry_->upgrade();
  EXPECT_EQ(::kill(before, SIGTERM), 0);
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(
      eventually([&] { return bonedry_->status()["exchanges"]["ended"]["shut_down"] == 1; }));
  gate.open();
}

/// How many requests have been answered, how many of them by alice, and how many users began there.
std::vector<std::uint64_t> counted(const nlohmann::json& status) {
  const nlohmann::json& pool = status.at("pools").at(0);
  std::vector<std::uint64_t> counts{status.at("exchanges").at("ended").at("completed"),
                                    status.at("exchanges").at("response_body_bytes")};
  for (const nlohmann::json& node : pool.at("nodes")) {
    counts.push_back(node.at("counters").at("new"));
  }
  return counts;
}

TEST_P(UpgradeCountersStory, TheCountersGoOnWhereTheProcessOfBeforeLeavesThem) {
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "at last");
  });
  launch(quick());
  std::vector<User> users = live_users_on_alice(3);
  EXPECT_TRUE(eventually_idle());
  const std::vector<std::uint64_t> before = counted(bonedry_->status());
  EXPECT_EQ(before[0], 6U);
  EXPECT_GT(before[1], 0U);
  EXPECT_EQ(before[2], 3U);
  order("bleed bob");
  HttpClient client(bonedry_->address());
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_TRUE(eventually([this] { return node(alice_).exchanges_open == 1; }));
  bonedry_->upgrade();
  EXPECT_EQ(counted(bonedry_->status()), before) << "at once, before it has heard any more";
  EXPECT_EQ(users[0].click().status, 200);
  gate.open();
  EXPECT_EQ(client.read_response().body, "at last");
  const auto grown = [&] {
    const std::vector<std::uint64_t> now = counted(bonedry_->status());
    return now[0] == before[0] + 2 && now[1] > before[1] && now[2] == before[2] + 1;
  };
  EXPECT_TRUE(eventually(grown)) << "with what the process of before still finishes";
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(grown());
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(grown()) << "and through the next one";
}

}  // namespace
}  // namespace bonedry::test
