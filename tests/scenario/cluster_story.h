#pragma once

#include "tests/scenario/story.h"
#include "tests/support/redis_server.h"
#include "tests/support/relay.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {

/// Two nodes, Alice and Bob, a real store, and proxies in front that are members of one cluster:
/// p1, p2, ... Skipped where no store is installed.
class ClusterStory : public Story {
 protected:
  void SetUp() override {
    if (redis_program().empty()) GTEST_SKIP() << kNoRedis;
    store_.emplace();
    for (std::size_t i = 0; i < kMost; ++i) {
      ways_.push_back(std::make_unique<Relay>(store_->address()));
    }
    for (FakeNode* const node : {&alice_, &bob_}) node->on("/bye", log_out);
  }

  [[nodiscard]] TestConfig config(std::size_t member, std::vector<std::string> session = {},
                                  std::vector<std::string> cluster = {}) const;
  /// Starts so many members and waits until each hears the others.
  void launch(std::size_t count, const std::vector<std::string>& session = {},
              const std::vector<std::string>& cluster = {});
  void launch(const std::vector<TestConfig>& configs);

  [[nodiscard]] BonedryProcess& member(std::size_t index) const { return *members_[index]; }
  /// Sends a command to a member, which must succeed.
  void order(std::size_t index, const std::string& line) const;

  // -- What members say

  [[nodiscard]] static nlohmann::json cluster_of(const BonedryProcess& member) {
    return member.status().at("cluster");
  }
  /// "here", "heard" or "silent"; "" if it is not on the roster.
  [[nodiscard]] static std::string state_of(const nlohmann::json& cluster, const std::string& name);
  [[nodiscard]] static std::string store_state(const BonedryProcess& member) {
    return cluster_of(member).at("store").at("state");
  }
  [[nodiscard]] NodeView node(std::size_t index, const FakeNode& which) const {
    return member(index).node(which.name());
  }
  /// On both nodes, as a member has it.
  [[nodiscard]] std::int64_t users_at(std::size_t index) const {
    return node(index, alice_).sessions() + node(index, bob_).sessions();
  }
  /// On both nodes, by all members.
  [[nodiscard]] std::int64_t moved() const;
  /// Every running member hears `count` members, itself included, and their sessions are complete.
  [[nodiscard]] bool all_are_heard(std::size_t count) const;
  /// Waits until `holds` is true of every member, by its index.
  [[nodiscard]] bool all_come_to(const std::function<bool(std::size_t)>& holds,
                                 Millis deadline = kDeadline) const;
  [[nodiscard]] bool all_say(const FakeNode& which, const std::string& state) const;
  [[nodiscard]] bool all_count(std::int64_t users) const {
    return all_come_to([&](std::size_t i) { return users_at(i) == users; });
  }
  /// A round over slow ways takes some 15 seconds.
  [[nodiscard]] bool all_say_dry(const FakeNode& which) const;
  [[nodiscard]] static bool answers(const BonedryProcess& member);

  // -- Users

  /// Users with live sessions, who came through all members in turn.
  [[nodiscard]] std::vector<User> live_users(int count) const;
  /// Each user clicks once, through these members in turn, and is served by his node.
  void click_through(std::vector<User>& users, const std::vector<std::size_t>& members) const;
  /// Each logs out through these members in turn, if `kLogout` is among the settings of sessions.
  void leave(std::vector<User>& users, const std::vector<std::size_t>& members) const;
  static void log_out(NodeExchange& exchange) { exchange.respond(200, "", {{"X-Bye", "1"}}); }
  static constexpr const char* kLogout = R"(logout_header = "X-Bye")";

  static constexpr std::size_t kMost = 3;  // members of a story
  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
  std::optional<RedisServer> store_;
  std::vector<std::unique_ptr<Relay>> ways_;  // of each member to the store
  std::vector<std::unique_ptr<BonedryProcess>> members_;
};

/// Users who click several times a second, each through the member that he came through, and are
/// served by their nodes all the time.
class Visits {
 public:
  explicit Visits(std::vector<User> users);
  ~Visits() { (void)end(); }
  Visits(const Visits&) = delete;
  Visits& operator=(const Visits&) = delete;

  /// They click no more.
  std::vector<User> end();

 private:
  void go_on();

  std::vector<User> users_;
  Gate end_;
  std::thread thread_;
};

}  // namespace bonedry::test
