#pragma once

#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/state_store.h"
#include "proxy/base/clock.h"
#include "session/mapped_ledger.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/control/node_literal.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
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

/// A publisher whose workers acknowledge when the test calls `acknowledge`.
class FakePublisher final : public Publisher {
 public:
  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged) override {
    published.push_back(std::move(topology));
    waiting_.push_back(std::move(acknowledged));
  }

  /// All workers acknowledge everything that was published, and what is published as a result.
  void acknowledge() {
    while (!waiting_.empty()) acknowledge_once();
  }
  /// All workers acknowledge everything that was published until now.
  void acknowledge_once() {
    for (const auto& acknowledged : std::exchange(waiting_, {})) acknowledged();
  }

  std::vector<std::shared_ptr<const balancer::Topology>> published;

 private:
  std::vector<std::function<void()>> waiting_;
};

/// A control plane over pool "shop" with alice, bob and carol, a real ledger and a real state file.
/// Time stands still unless the test advances it; workers acknowledge only when the test says so.
class ControlTest : public testing::Test {
 protected:
  static constexpr Millis kIdle = minutes{20};

  ControlTest();

  /// Starts the control plane with the content of the state file.
  void start();
  /// The proxy ends and starts again with its state file, but with an empty ledger.
  void restart();
  /// The same with the previous ledger.
  void restart_on_ledger();

  static conf::Node node(const std::string& name, unsigned weight = 100);
  /// The pool "shop" of the config that the next start or reload uses.
  conf::Pool& shop() { return config.pools.front(); }

  // Commands of an operator. They return the response after all workers have acknowledged: the
  // text, "error: …", or "no answer".
  std::string bleed(const std::string& key, const BleedRequest& request = {});
  std::string force_bleed(const std::string& key);
  std::string bleed_until(const std::string& key, Millis deadline);
  std::string maintain(const std::string& key, Force force = Force::no);
  std::string activate(const std::string& key);
  std::string reload(Force force = Force::no);

  // The same without acknowledgements: the response is appended to `answers`.
  ChangeCallback note_answer();
  void bleed_unacknowledged(const std::string& key, const BleedRequest& request = {});

  /// Ticks until nothing more happens, with workers that acknowledge.
  void settle();
  void pass(Millis by);
  /// Like `pass`, with workers that do not acknowledge.
  void pass_unacknowledged(Millis by);

  /// Makes every write of the state file fail, also for root. `mend_disk` undoes it.
  void break_disk();
  void mend_disk();

  /// Add a user with a live session, and a crawler whose cookie never came back.
  void add_user(const std::string& key, std::uint64_t number);
  void add_crawler(const std::string& key, std::uint64_t number);
  /// A request of the user. Returns nothing if the session is gone; otherwise `displaced` says
  /// whether the session was taken off its node.
  std::optional<session::OpenedSession> click(std::uint64_t number);

  [[nodiscard]] const NodeView& view(const std::string& key) const;
  [[nodiscard]] NodeStatus status(const std::string& key) const;
  /// The state and door that workers see: "bleeding, sessions_only".
  [[nodiscard]] std::string door(const std::string& key) const;
  [[nodiscard]] bool dry(const std::string& key) const { return status(key).dry; }
  /// What keeps the node from being dry: "1 live session, 1 open exchange".
  [[nodiscard]] std::string blocked(const std::string& key) const;
  /// The records in the state file.
  [[nodiscard]] NodeRecords written() const;
  /// The texts of all events of one kind, joined by " | ".
  [[nodiscard]] std::string events_of(const std::string& kind) const;

  bonedry::test::TemporaryDirectory directory;
  ManualClock clock;
  conf::Config config;
  std::optional<Instant> incomplete_since;
  std::map<std::string, balancer::CheckHistory> checks;  ///< of the nodes that have any
  SavedCurves curves;                                    ///< what the next start finds saved
  std::string lagging_process;                           ///< the process that has not acknowledged
  std::string load_error;                                ///< empty: a reload loads `config`
  std::vector<std::string> answers;
  std::unique_ptr<session::MappedLedger> ledger;
  FakePublisher publisher;
  StateStore store;
  PassStore pass_store;
  Passes passes;
  EventLog events;
  std::unique_ptr<ControlPlane> control;

 private:
  void start_control();
  std::string answer_of(const std::function<void(const ChangeCallback&)>& command);
};

}  // namespace bonedry::admin::test
