#pragma once

#include "admin/dry_forecast.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"
#include "session/survey.h"

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace bonedry::admin {

/// Surveys the sessions of the pools that have a node out of rotation, a little each tick, and
/// keeps the last result, so that `status` need not scan sessions. Does nothing while no such node
/// has users. Main thread only.
class Forecaster {
 public:
  /// The result for one node.
  struct NodeForecast {
    Instant at;  ///< when the sessions were surveyed
    /// How long from `at` until the node has no users; empty: too few users have left for a
    /// forecast.
    std::optional<DryForecast> empty_in;
    /// When the last pending session has ended at the latest; kNeverEnds: an exchange holds it.
    std::optional<Instant> pending_until;
  };

  Forecaster(const Clock& clock, const session::Ledger& ledger) : clock_(clock), ledger_(ledger) {}

  /// Continues the survey. Call every 100 ms.
  void tick(const balancer::Topology& topology);

  /// Null when the node has not been surveyed yet, or has no users.
  [[nodiscard]] const NodeForecast* of(const balancer::NodeId& id) const;

 private:
  /// A node that is surveyed, and its groups in the survey.
  struct ForecastTarget {
    balancer::NodeId id;
    std::size_t group = 0;
    std::size_t pool_group = 0;
    std::vector<session::NodeSlot> pool;  // all nodes of the pool: their users are alike
    session::SessionTimes times;
  };

  void begin(const balancer::Topology& topology);
  void add(const balancer::PoolView& pool, session::Survey::Groups& groups, std::size_t& count);
  void go_on();
  void conclude(const ForecastTarget& target);
  [[nodiscard]] bool due(const std::vector<balancer::NodeId>& wanted) const;

  const Clock& clock_;
  const session::Ledger& ledger_;
  std::map<balancer::NodeId, NodeForecast> forecasts_;
  std::optional<session::Survey> survey_;
  std::vector<ForecastTarget> targets_;  // those of the survey that have no forecast yet
  Instant next_survey_;
};

}  // namespace bonedry::admin
