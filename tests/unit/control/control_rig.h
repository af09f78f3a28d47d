#pragma once

#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/state_store.h"
#include "proxy/base/clock.h"
#include "session/mapped_ledger.h"
#include "tests/unit/control/node_literal.h"
#include "tests/unit/io/temporary_folder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::test {

using balancer::Door;
using balancer::NodeState;
using balancer::NodeView;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// Workers that acknowledge when the test says so.
class FakePublisher final : public Publisher {
 public:
  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged) override {
    published.push_back(std::move(topology));
    waiting_.push_back(std::move(acknowledged));
  }

  /// All workers take over all that was published, and what comes of that.
  void acknowledge() {
    while (!waiting_.empty()) acknowledge_once();
  }
  /// All workers take over all that was published until now.
  void acknowledge_once() {
    for (const auto& acknowledged : std::exchange(waiting_, {})) acknowledged();
  }

  std::vector<std::shared_ptr<const balancer::Topology>> published;

 private:
  std::vector<std::function<void()>> waiting_;
};

/// A control plane over pool "shop" with alice, bob and carol, a real ledger and a real state file.
/// Time stands still unless the test moves it; workers sleep unless they are told to acknowledge.
class ControlTest : public testing::Test {
 protected:
  static constexpr Millis kIdle = minutes{20};

  ControlTest();

  /// Starts the control plane with what the state file says.
  void start();
  /// The proxy ends and starts again: nothing is left but the state file. Its ledger was lost.
  void restart();
  /// The same with the ledger that it had.
  void restart_on_ledger();

  static conf::Node node(const std::string& name, unsigned weight = 100);
  /// The pool "shop" of the config to start with, or to reload.
  conf::Pool& shop() { return config.pools.front(); }

  // What an operator does. Returns the answer once all workers have acknowledged: the text,
  // "error: …", or "no answer".
  std::string bleed(const std::string& key, const BleedRequest& request = {});
  std::string force_bleed(const std::string& key);
  std::string bleed_until(const std::string& key, Millis deadline);
  std::string maintain(const std::string& key, Force force = Force::no);
  std::string activate(const std::string& key);
  std::string reload();

  // The same without the workers: the answer comes into `answers`.
  ChangeCallback note_answer();
  void bleed_unheard(const std::string& key, const BleedRequest& request = {});

  /// Ticks until nothing more happens, with workers that acknowledge.
  void settle();
  void pass(Millis by);
  /// The same with workers that do not acknowledge.
  void pass_unheard(Millis by);

  /// Makes every write of the state file fail, also for root; and undoes it.
  void break_disk();
  void mend_disk();

  /// A user on a node who clicked and came back; a user whose cookie never came back.
  void add_user(const std::string& key, std::uint64_t number);
  void add_crawler(const std::string& key, std::uint64_t number);
  /// The user clicks. False when the session is gone; else it is displaced or not.
  std::optional<session::OpenedSession> click(std::uint64_t number);

  [[nodiscard]] const NodeView& view(const std::string& key) const;
  [[nodiscard]] NodeStatus status(const std::string& key) const;
  /// "bleeding, sessions_only" as workers see it.
  [[nodiscard]] std::string door(const std::string& key) const;
  [[nodiscard]] bool dry(const std::string& key) const { return status(key).dry; }
  /// "1 live session, 1 open exchange"
  [[nodiscard]] std::string blocked(const std::string& key) const;
  /// What the state file says now.
  [[nodiscard]] NodeRecords written() const;
  /// The texts of all events of a kind, joined by " | ".
  [[nodiscard]] std::string events_of(const std::string& kind) const;

  bonedry::test::TemporaryFolder folder;
  ManualClock clock;
  conf::Config config;
  std::optional<Instant> incomplete_since;
  std::string lagging_process;  ///< the process that has not acknowledged
  std::string load_error;       ///< empty: a reload loads `config`
  std::vector<std::string> answers;
  std::unique_ptr<session::MappedLedger> ledger;
  FakePublisher publisher;
  StateStore store;
  EventLog events;
  std::unique_ptr<ControlPlane> control;

 private:
  void start_control();
  std::string answer_of(const std::function<void(const ChangeCallback&)>& command);
};

}  // namespace bonedry::admin::test
