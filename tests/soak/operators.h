#pragma once

#include "tests/soak/request_log.h"

#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace bonedry::soak {

/// The operators, who bleed, activate and reload, and the faults that stop nodes. One action after
/// the other on the caller's thread, so that every pool always has one healthy node.
class Operators {
 public:
  struct PoolNode {
    std::string pool;
    test::FakeNode& node;
  };

  /// `config` is the config of bonedry; `extra_node` is added to its first pool now and then, and
  /// removed again.
  Operators(test::BonedryProcess& bonedry, test::TestConfig config, std::vector<PoolNode> nodes,
            test::FakeNode& extra_node, RequestLog& log);

  /// Does one random action, and waits until it is complete and the node is healthy again.
  void run_random_action();
  /// How often each action was done.
  [[nodiscard]] const std::map<std::string, std::size_t>& action_counts() const {
    return action_counts_;
  }

 private:
  void bleed(const PoolNode& target);
  void bleed_with_deadline(const PoolNode& target);
  void maintain(const PoolNode& target);
  void kill(const PoolNode& target);
  void stop(const PoolNode& target);
  void disconnect(const PoolNode& target);
  void add_and_remove_node(const PoolNode& target);

  /// Sends a command, which must succeed.
  void execute(const std::string& command);
  /// Waits for dryness, and checks that the node gets no requests from then on.
  void wait_until_dry(const PoolNode& target);
  void wait_until_healthy(const PoolNode& target);
  [[nodiscard]] bool has_extra_node() const;
  /// As commands name the node: "shop/alice".
  [[nodiscard]] static std::string full_name(const PoolNode& target) {
    return target.pool + '/' + target.node.name();
  }

  test::BonedryProcess& bonedry_;
  test::TestConfig config_;
  std::vector<PoolNode> nodes_;
  test::FakeNode& extra_node_;
  RequestLog& log_;
  std::mt19937_64 random_{1};
  std::map<std::string, std::size_t> action_counts_;
};

}  // namespace bonedry::soak
