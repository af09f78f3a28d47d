#pragma once

#include "tests/scenario/story.h"
#include "tests/support/redis_server.h"
#include "tests/support/relay.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
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
  }

  [[nodiscard]] TestConfig config(std::size_t member, std::vector<std::string> session = {},
                                  std::vector<std::string> cluster = {}) const {
    TestConfig config = shop(workers(), {alice_, bob_}, std::move(session));
    config.server.emplace_back(R"(secrets = ["the secret that all members of the shop share"])");
    config.sections = {"[cluster]", "name = \"p" + std::to_string(member + 1) + "\"",
                       "store = \"redis://" + ways_[member]->address() + "/0\""};
    for (std::string& line : cluster) config.sections.push_back(std::move(line));
    return config;
  }

  /// Starts so many members and waits until each hears the others.
  void launch(std::size_t count, const std::vector<std::string>& session = {},
              const std::vector<std::string>& cluster = {}) {
    for (std::size_t i = 0; i < count; ++i) {
      members_.push_back(std::make_unique<BonedryProcess>(config(i, session, cluster)));
    }
    ASSERT_TRUE(eventually([&] { return all_are_heard(count); })) << members_[0]->status().dump(2);
  }

  [[nodiscard]] static nlohmann::json cluster_of(const BonedryProcess& member) {
    return member.status().at("cluster");
  }
  /// "here", "heard" or "silent"; "" if it is not on the roster.
  [[nodiscard]] static std::string state_of(const nlohmann::json& cluster,
                                            const std::string& name) {
    for (const auto& member : cluster.at("members")) {
      if (member.at("name") == name) return member.at("state");
    }
    return "";
  }
  /// Every running member hears `count` members, itself included, and their sessions are complete.
  [[nodiscard]] bool all_are_heard(std::size_t count) const {
    for (const auto& member : members_) {
      if (!member->running()) continue;
      const nlohmann::json cluster = cluster_of(*member);
      const auto& all = cluster.at("members");
      const auto heard = std::ranges::count_if(
          all, [](const nlohmann::json& one) { return one.at("state") != "silent"; });
      if (static_cast<std::size_t>(heard) != count || cluster.at("complete") != true) return false;
    }
    return true;
  }

  [[nodiscard]] BonedryProcess& member(std::size_t index) const { return *members_[index]; }
  [[nodiscard]] NodeView node(std::size_t index, const FakeNode& which) const {
    return member(index).node(which.name());
  }
  /// Sends a command to a member, which must succeed.
  void order(std::size_t index, const std::string& line) const {
    const std::string answer = member(index).admin(line, kDeadline * 2);
    EXPECT_FALSE(answer.starts_with("error: ")) << line << " got " << answer;
  }

  static constexpr std::size_t kMost = 3;  // members of a story
  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
  std::optional<RedisServer> store_;
  std::vector<std::unique_ptr<Relay>> ways_;  // of each member to the store
  std::vector<std::unique_ptr<BonedryProcess>> members_;
};

}  // namespace bonedry::test
