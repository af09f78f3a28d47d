#pragma once

#include "admin/ledger_gap.h"
#include "admin/node_record.h"
#include "admin/removed_nodes.h"
#include "balancer/node_id.h"
#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bonedry::admin {

/// Whether another process routes at the same time. Until it follows this one, it may route users
/// to any node that it knows.
enum class OtherProcess : std::uint8_t { none, predecessor };

/// What a config changes for the nodes, computed before anything is changed.
struct RenamedNode {
  balancer::NodeId from;
  balancer::NodeId to;
};

struct ConfigPlan {
  NodeRecords records;
  RemovedNodes removed;
  NodeIds bled;  ///< nodes that begin to bleed because of it
  std::vector<RenamedNode> renamed;
};

/// Whether a node bleeds only because of an earlier config, which it no longer says.
[[nodiscard]] bool is_of_earlier_config(const std::string& reason);

/// Plans what a config means for nodes: which begin to bleed, and which are kept although they are
/// no longer in it. It changes nothing. Used within one call, main thread only.
class ConfigPlanner {
 public:
  struct Inputs {
    const Clock& clock;
    const session::Ledger& ledger;
    const NodeRecords& records;
    const LedgerGap& gap;
    const balancer::Topology* in_force;  ///< null: this process is just starting
    OtherProcess other_process = OtherProcess::none;
  };

  explicit ConfigPlanner(const Inputs& inputs) : inputs_(inputs) {}

  [[nodiscard]] ConfigPlan plan(const conf::Config& next) const;

 private:
  void plan_renamed(const conf::Config& next, ConfigPlan& plan) const;
  [[nodiscard]] std::optional<balancer::NodeId> recorded_as(const conf::Pool& pool,
                                                            const conf::Node& node) const;
  void plan_configured(const conf::Config& next, ConfigPlan& plan) const;
  void plan_removed(const conf::Config& next, ConfigPlan& plan) const;
  void plan_absent(const conf::Config& next, std::set<balancer::NodeId> seen,
                   ConfigPlan& plan) const;
  void keep_removed(const conf::Pool& pool, const conf::Node& node, ConfigPlan& plan) const;
  [[nodiscard]] bool may_have_users(const conf::Pool& pool, const balancer::NodeId& id,
                                    const session::LedgerNode* known) const;

  const Inputs inputs_;
};

}  // namespace bonedry::admin
