#pragma once

#include "admin/cookie_watch.h"
#include "admin/doors.h"
#include "admin/ledger_gap.h"
#include "admin/node_record.h"
#include "admin/node_registry.h"
#include "admin/pass_revocations.h"
#include "admin/removed_nodes.h"
#include "balancer/topology.h"
#include "conf/config.h"

#include <memory>

namespace bonedry::admin {

/// Builds a topology from the config, the node records, the doors and the nodes that the config has
/// lost. It changes none of them. Used within one call, main thread only.
class TopologyBuilder {
 public:
  struct Sources {
    const conf::Config& config;
    const NodeRecords& records;
    const Doors& doors;
    const RemovedNodes& removed;
    const NodeRegistry& nodes;  ///< has all that the config and `removed` name
    const LedgerGap& gap;
    CookieWatch& cookies;  ///< keeps the counters of pools
    const PassRevocations& revocations;
  };
  struct BuildResult {
    std::shared_ptr<const balancer::Topology> topology;
    NodeIds shut_deferred;  ///< bleeding nodes left open because no other node is open
  };

  /// `before`: the topology in force; null if there is none.
  TopologyBuilder(const Sources& sources, const balancer::Topology* before)
      : from_(sources), before_(before) {}

  [[nodiscard]] BuildResult build() const;

 private:
  [[nodiscard]] balancer::PoolView pool_view(const conf::Pool& pool) const;
  [[nodiscard]] balancer::NodeView node_view(const conf::Pool& pool, const conf::Node& node) const;
  void defer_closing_last_doors(balancer::PoolView& pool, NodeIds& shut_deferred) const;

  const Sources from_;
  const balancer::Topology* const before_;
};

}  // namespace bonedry::admin
