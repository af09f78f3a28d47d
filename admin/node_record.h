#pragma once

#include "balancer/node.h"
#include "balancer/node_id.h"
#include "conf/config.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {

/// Whether the sessions that a node had were taken off it by the operator.
enum class Displaced : std::uint8_t { no, yes };

/// Whether nobody is on a node and nobody will come back. Latched until the node is activated.
enum class Dry : std::uint8_t { no, yes };

/// What must be remembered of a node that is not simply active. Dates are for people and for what
/// comes after a reboot; within a boot only Instants count, which no jump of the calendar moves.
struct NodeRecord {
  balancer::NodeState state = balancer::NodeState::bleeding;
  WallTime since;
  std::string by;
  std::string reason;
  std::optional<WallTime> deadline;  ///< nothing: nobody is ever moved
  Dry dry = Dry::no;
  Displaced displaced = Displaced::no;
  /// Where the node was when the config lost it; kept until nobody is on it.
  std::optional<conf::Address> removed_from;
  std::optional<Instant> since_monotonic = {};     ///< `since`, while the machine runs
  std::optional<Instant> deadline_monotonic = {};  ///< `deadline`, while the machine runs
  std::optional<Millis> deadline_duration = {};    ///< how long the operator gave; bounds the rest

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

/// A node that is not here is active.
using NodeRecords = std::map<balancer::NodeId, NodeRecord>;

/// Null: the node is active.
[[nodiscard]] inline const NodeRecord* find_record(const NodeRecords& records,
                                                   const balancer::NodeId& id) {
  const auto found = records.find(id);
  return found == records.end() ? nullptr : &found->second;
}

using Nodes = std::vector<balancer::NodeId>;

}  // namespace bonedry::admin
