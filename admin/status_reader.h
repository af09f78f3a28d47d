#pragma once

#include "admin/certificate_monitor.h"
#include "admin/command_result.h"
#include "admin/dryness_check.h"
#include "admin/forecaster.h"
#include "admin/node_record.h"
#include "admin/peers.h"
#include "admin/rate_meter.h"
#include "admin/removed_nodes.h"
#include "admin/status.h"
#include "admin/traffic_window.h"
#include "admin/user_curves.h"
#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/ledger.h"

#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// Reads the figures of nodes and of the ledger, and the forecasts, at the time of the call. It
/// changes nothing. Owned by ControlPlane, main thread only.
class StatusReader {
 public:
  /// The active checks of a node; null if it has none.
  using ChecksOf = std::function<const balancer::CheckHistory*(const balancer::NodeId&)>;

  /// All must outlive this.
  StatusReader(const Clock& clock, const session::Ledger& ledger, const DrynessCheck& check,
               const Forecaster& forecaster, const CertificateMonitor& certificates,
               ChecksOf checks_of)
      : clock_(clock),
        ledger_(ledger),
        check_(check),
        forecaster_(forecaster),
        certificates_(certificates),
        checks_of_(std::move(checks_of)),
        started_{clock.now(), clock.wall()},
        config_loaded_(started_) {}

  /// Call it several times a second.
  void tick(const balancer::Topology& topology);
  /// Another config is in force.
  void note_config_loaded() {
    config_loaded_ = {clock_.now(), clock_.wall()};
    last_load_ = ConfigLoad::succeeded;
  }
  /// A config file could not be loaded, and the config in force stays.
  void note_config_refused() { last_load_ = ConfigLoad::failed; }

  /// `traffic` is called for each status of all pools.
  void set_data_plane(std::vector<ListenerStatus> listeners,
                      std::function<TrafficStatus()> traffic) {
    listeners_ = std::move(listeners);
    traffic_ = std::move(traffic);
  }

  /// What is in force, for the duration of a call.
  struct Sources {
    const balancer::Topology& topology;
    const NodeRecords& records;
    const RemovedNodes& removed;
    const UserCurves& curves;
    const conf::Config& config;
    const Peers* peers = nullptr;  ///< null: one proxy alone
  };
  /// All pools, or the named one. An unknown pool is an error that lists the known pools.
  [[nodiscard]] Result<Status, CommandError> all(const Sources& sources,
                                                 std::optional<std::string_view> pool) const;
  /// For a node that is not active. `peers`: null where there is one proxy alone.
  [[nodiscard]] BleedStatus bleed_status(const balancer::PoolView& pool,
                                         const balancer::NodeView& view, const NodeRecord& record,
                                         const Peers* peers) const;
  /// How long until such a node is dry, by the users in this proxy's ledger.
  [[nodiscard]] DryOutlook outlook_here(const balancer::PoolView& pool,
                                        const balancer::NodeView& view,
                                        const NodeRecord& record) const;

 private:
  [[nodiscard]] NodeStatus node(const Sources& sources, const balancer::PoolView& pool,
                                const balancer::NodeView& view) const;
  [[nodiscard]] ProcessStatus process() const;
  [[nodiscard]] PassStatus pass_status(const balancer::Node& node) const;
  [[nodiscard]] std::vector<ListenerStatus> listeners(const balancer::Topology& topology) const;
  [[nodiscard]] std::optional<AdminHttpStatus> admin_http(const conf::Config& config) const;
  /// Nothing: only this proxy's are known.
  [[nodiscard]] static std::optional<SharedUsers> users_of_all(const Peers* peers,
                                                               const balancer::NodeId& id);
  void checks(const balancer::NodeId& id, NodeStatus& status) const;

  const Clock& clock_;
  const session::Ledger& ledger_;
  const DrynessCheck& check_;
  const Forecaster& forecaster_;
  const CertificateMonitor& certificates_;
  ChecksOf checks_of_;
  struct Moment {
    Instant at;
    WallTime date;
  };
  const Moment started_;
  Moment config_loaded_;
  ConfigLoad last_load_ = ConfigLoad::succeeded;
  RateMeter ended_requests_;
  TrafficWindow node_traffic_;
  std::vector<ListenerStatus> listeners_;
  std::function<TrafficStatus()> traffic_ = [] { return TrafficStatus{}; };
};

}  // namespace bonedry::admin
