#pragma once

#include "admin/command_result.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/handover.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/server.h"
#include "proxy/successor.h"
#include "session/mapped_ledger.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {
class ControlPlane;
class EventLog;
class Passes;
class StateStore;
}  // namespace bonedry::admin

namespace bonedry::proxy {

/// Upgrades to the next generation of the program: starts the new process, puts the control plane
/// into standby, in which it only follows that process, and takes control back if the upgrade
/// fails. See ARCHITECTURE.md, "The life of an upgrade".
///
/// Owned by Application, main thread. Uses both the data plane and the control plane.
class UpgradeCoordinator {
 public:
  /// All must outlive every call; the destructor uses only the loop.
  struct Parts {
    io::EventLoop& loop;
    Server& server;
    admin::ControlPlane& control;
    const admin::StateStore& store;
    admin::Passes& passes;
    admin::EventLog& events;
    const session::MappedLedger& ledger;
    const UniqueFd& lock;                 ///< of the state directory
    std::function<std::string()> totals;  ///< what this process has counted, see RunningTotals
    std::function<void()> save;  ///< saves what the new process reads and nothing waits for
    std::string program;         ///< path of the program that the new process runs
    std::string config_path;     ///< config file that the new process reads
  };
  struct Events {
    /// The new process accepts clients, and the upgrade command has got its reply: this process
    /// only serves the clients that it has.
    std::function<void()> on_taken_over;
    /// The process that took over has exited: no process makes decisions any more.
    std::function<void()> on_successor_lost;
    /// The process that took over has reopened its access log.
    std::function<void()> on_reopen;
  };

  UpgradeCoordinator(Parts parts, Events events);

  /// Starts a new process that takes over. This one makes no decisions from that moment on. An
  /// error leaves everything as it was.
  void upgrade(const std::string& by, const admin::ChangeCallback& callback);
  /// Ends an upgrade whose process is not ready yet, because this process has to stop. No event and
  /// no reply follows.
  void abandon();

  /// Reports what this process has counted to the one that has taken over, if there is one: the
  /// last of the reports that it gets once a second. Call it when nothing more is counted. Waits as
  /// Successor::report_last_totals.
  void report_last_totals();

 private:
  /// What the next process lacks at most if this one is killed.
  static constexpr Millis kReportInterval = std::chrono::seconds{1};

  [[nodiscard]] Result<> may_upgrade() const;
  [[nodiscard]] std::vector<handover::NodeHealth> node_health() const;
  void on_upgraded(const std::string& by, const admin::ChangeCallback& callback);
  void report_totals();
  void fail(const std::string& why, const admin::ChangeCallback& callback);
  void apply_routing_state(std::uint64_t number, const handover::RoutingState& routing_state);
  void on_apply_failed(std::uint64_t number, const std::string& why);
  void on_successor_exited();

  Parts parts_;
  Events events_;
  std::optional<Successor> successor_;  // the last one that was started
  io::Timer report_timer_;
  std::string last_apply_error_;  // why its routing state could not be applied
};

}  // namespace bonedry::proxy
