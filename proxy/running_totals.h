#pragma once

#include "admin/status.h"
#include "balancer/topology.h"
#include "proxy/predecessor.h"
#include "proxy/process_totals.h"
#include "proxy/server.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// What this process counts, together with what the processes before it have counted and still
/// count while they finish: an upgrade sets no counter back. Main thread only.
class RunningTotals {
 public:
  /// Must outlive this.
  explicit RunningTotals(const Server& server) : server_(server) {}

  /// A report of the previous process (to_json of its totals); it replaces the one before. The
  /// nodes and pools of the topology get their parts. A node or a pool that comes later, or once
  /// more, gets only what the previous process has counted of it since the report before. A report
  /// that cannot be read is logged and changes nothing.
  void inherit(std::string_view report, const balancer::Topology& topology);

  /// For `status`: reads the workers' counters without stopping them. `predecessor`: null if this
  /// process did not begin by an upgrade.
  [[nodiscard]] admin::TrafficStatus status(const Predecessor* predecessor) const;
  /// For the next process.
  [[nodiscard]] std::string report(const balancer::Topology& topology) const;

 private:
  [[nodiscard]] ProcessTotals process() const;
  void inherit(const std::shared_ptr<balancer::Node>& node, const balancer::NodeTotals& totals);

  /// A node of this process, and what of the reports is not its own: a node that the config lost
  /// and got back is another one, with other counts.
  struct Heir {
    std::weak_ptr<const balancer::Node> node;
    balancer::NodeTotals earlier;
  };

  const Server& server_;
  ProcessTotals inherited_;
  std::map<std::string, Heir> heirs_;  // by "POOL/NODE"
};

}  // namespace bonedry::proxy
