#include "tests/soak/operators.h"

#include <array>
#include <map>
#include <string>
#include <thread>
#include <utility>

namespace bonedry::soak {
namespace {

using std::chrono::seconds;
using test::eventually;
using test::TestClock;

const Millis kActionLimit = test::scaled(seconds{20});

/// Not a wait for a condition: the clients shall send requests meanwhile.
void let_time_pass(Millis time) {
  std::this_thread::sleep_for(time);
}

/// The number of the clients' requests that a node got, by path. One consistent snapshot: a health
/// check between two reads must not count as a request of a client.
std::map<std::string, std::size_t, std::less<>> client_requests(const test::FakeNode& node) {
  auto counts = node.counts();
  counts.erase("/healthz");
  return counts;
}

}  // namespace

Operators::Operators(test::BonedryProcess& bonedry, test::TestConfig config,
                     std::vector<PoolNode> nodes, test::FakeNode& extra_node, RequestLog& log)
    : bonedry_(bonedry),
      config_(std::move(config)),
      nodes_(std::move(nodes)),
      extra_node_(extra_node),
      log_(log) {}

void Operators::run_random_action() {
  struct Action {
    const char* name;
    void (Operators::*run)(const PoolNode&);
  };
  static constexpr std::array<Action, 7> kActions{{
      {"bleeds until dry", &Operators::bleed},
      {"bleeds with a deadline", &Operators::bleed_with_deadline},
      {"forced maintenances", &Operators::maintain},
      {"nodes killed", &Operators::kill},
      {"nodes stopped", &Operators::stop},
      {"nodes disconnected", &Operators::disconnect},
      {"nodes added and removed", &Operators::add_and_remove_node},
  }};
  const Action& action = kActions[random_() % kActions.size()];
  const PoolNode& target = nodes_[random_() % nodes_.size()];
  (this->*action.run)(target);
  ++action_counts_[action.name];
  wait_until_healthy(target);
}

void Operators::execute(const std::string& command) {
  const std::string response = bonedry_.admin(command);
  if (response.starts_with("error: ")) log_.report_failure(command + " got " + response);
}

void Operators::wait_until_dry(const PoolNode& target) {
  const std::string response = bonedry_.admin(
      "wait " + full_name(target) + " --timeout " + std::to_string(kActionLimit.count()) + "ms",
      kActionLimit * 2);
  if (!response.starts_with("dry")) {
    return log_.report_failure(full_name(target) + ": " + response);
  }
  const auto before = client_requests(target.node);
  let_time_pass(seconds{1});
  for (const auto& [path, count] : client_requests(target.node)) {
    const auto known = before.find(path);
    if (known != before.end() && known->second == count) continue;
    log_.report_failure(full_name(target) + " was reported dry, but received a request for " +
                        path);
  }
}

void Operators::wait_until_healthy(const PoolNode& target) {
  const bool healthy = eventually(
      [&] {
        const test::NodeView view = bonedry_.node(target.node.name(), target.pool);
        return view.state == "active" && view.health != "down";
      },
      kActionLimit);
  if (!healthy) log_.report_failure(full_name(target) + " did not recover");
}

void Operators::bleed(const PoolNode& target) {
  execute("bleed " + full_name(target) + " --force");
  wait_until_dry(target);
  execute("maintain " + full_name(target));
  execute("activate " + full_name(target));
}

void Operators::bleed_with_deadline(const PoolNode& target) {
  execute("bleed " + full_name(target) + " --deadline 500ms --force");
  wait_until_dry(target);
  execute("activate " + full_name(target));
}

void Operators::maintain(const PoolNode& target) {
  execute("maintain " + full_name(target) + " --force");
  wait_until_dry(target);
  execute("activate " + full_name(target));
}

void Operators::kill(const PoolNode& target) {
  const TestTime from = TestClock::now();
  target.node.die();
  let_time_pass(seconds{1});
  target.node.start();
  log_.add_fault(target.node.name(), from, TestClock::now());
}

void Operators::stop(const PoolNode& target) {
  const TestTime from = TestClock::now();
  target.node.stop();
  let_time_pass(Millis{200});
  target.node.start();
  log_.add_fault(target.node.name(), from, TestClock::now());
}

void Operators::disconnect(const PoolNode& target) {
  const TestTime from = TestClock::now();
  target.node.drop_connections();
  log_.add_fault(target.node.name(), from, TestClock::now());
}

void Operators::add_and_remove_node(const PoolNode&) {
  test::TestConfig with_extra_node = config_;
  with_extra_node.pools[0].nodes.emplace_back(extra_node_);
  bonedry_.configure(with_extra_node);
  execute("reload");
  let_time_pass(seconds{2});
  bonedry_.configure(config_);
  execute("reload");
  if (!eventually([this] { return !has_extra_node(); }, kActionLimit)) {
    log_.report_failure(extra_node_.name() + " was not removed");
  }
}

bool Operators::has_extra_node() const {
  const nlohmann::json status = bonedry_.status();
  for (const nlohmann::json& node : status.at("pools").at(0).at("nodes")) {
    if (node.at("name") == extra_node_.name()) return true;
  }
  return false;
}

}  // namespace bonedry::soak
