#pragma once

#include "admin/command_result.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/handover.h"
#include "proxy/io/event_loop.h"
#include "proxy/server.h"
#include "proxy/successor.h"
#include "session/mapped_ledger.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {
class ControlPlane;
class EventLog;
class StateStore;
}  // namespace bonedry::admin

namespace bonedry::proxy {

/// Hands this process over to the next generation of the program: runs it, lets the control plane
/// decide nothing from then on but follow, and takes everything back when it comes to nothing. See
/// ARCHITECTURE.md, "The life of an upgrade".
///
/// Owned by Application, main thread. It is between data plane and control plane, and so sees both.
class UpgradeCoordinator {
 public:
  /// All must outlive every call; the destructor asks nothing of them but the loop.
  struct Parts {
    io::EventLoop& loop;
    Server& server;
    admin::ControlPlane& control;
    const admin::StateStore& store;
    admin::EventLog& events;
    const session::MappedLedger& ledger;
    const UniqueFd& lock;     ///< of the state directory
    std::string program;      ///< the path that the next one is run by
    std::string config_path;  ///< and the config that it is to read
  };
  struct Events {
    /// The next one accepts clients, and whoever asked for it has been told: this process serves
    /// only whom it has.
    std::function<void()> on_taken_over;
    /// The one that took over has ended: nobody decides any more.
    std::function<void()> on_successor_lost;
  };

  UpgradeCoordinator(Parts parts, Events events);

  /// Another process takes over: this one decides nothing from the moment on that it is started. An
  /// error leaves everything as it was.
  void upgrade(const std::string& by, const admin::ChangeCallback& answer);
  /// Ends an upgrade whose process is not ready yet, as this process is told to stop; no event and
  /// no answer comes of it.
  void abandon();

 private:
  [[nodiscard]] Result<> may_upgrade() const;
  [[nodiscard]] std::vector<handover::NodeHealth> node_health() const;
  void on_upgraded(const std::string& by, const admin::ChangeCallback& answer);
  void fail(const std::string& why, const admin::ChangeCallback& answer);
  void apply_routing_state(std::uint64_t number, const handover::RoutingState& routing_state);
  void on_apply_failed(std::uint64_t number, const std::string& why);
  void on_successor_exited();

  Parts parts_;
  Events events_;
  std::optional<Successor> successor_;  // the last one that was run
  std::string last_apply_error_;        // what keeps this process from following it
};

}  // namespace bonedry::proxy
