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

/// Looks at the sessions of the pools that have a node out of rotation, a little each tick, and
/// keeps what it saw last, so that `status` need not look. With nobody on such a node it does
/// nothing. Main thread only.
class Forecaster {
 public:
  /// What was seen of one node.
  struct NodeForecast {
    Instant at;  ///< when it was seen
    /// How long from then on until nobody is left; empty: too few users have left to tell.
    std::optional<DryForecast> empty_in;
    /// When the last pending session has ended at the latest; kNeverEnds: an exchange holds it.
    std::optional<Instant> pending_until;
  };

  Forecaster(const Clock& clock, const session::Ledger& ledger) : clock_(clock), ledger_(ledger) {}

  /// Goes on looking. Call every 100 ms.
  void tick(const balancer::Topology& topology);

  /// Null when the node was not looked at yet, or nobody is on it.
  [[nodiscard]] const NodeForecast* of(const balancer::NodeId& id) const;

 private:
  /// A node that is surveyed, and the group that the survey has for it.
  struct ForecastTarget {
    balancer::NodeId id;
    std::size_t group = 0;
    std::size_t pool_group = 0;
    std::vector<session::NodeSlot> pool;  // all its nodes: their users are alike
    session::SessionTimes times;
  };

  void begin(const balancer::Topology& topology);
  void add(const balancer::PoolView& pool, session::Survey::Groups& groups, std::size_t& count);
  void go_on();
  void conclude(const ForecastTarget& subject);
  [[nodiscard]] bool due(const std::vector<balancer::NodeId>& wanted) const;

  const Clock& clock_;
  const session::Ledger& ledger_;
  std::map<balancer::NodeId, NodeForecast> outlooks_;
  std::optional<session::Survey> survey_;
  std::vector<ForecastTarget> subjects_;  // of the survey, those without a conclusion yet
  Instant next_survey_;
};

}  // namespace bonedry::admin
