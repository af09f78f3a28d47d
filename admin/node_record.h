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

/// Whether the operator had the node's sessions displaced (by a deadline or forced maintenance).
enum class Displaced : std::uint8_t { no, yes };

/// Whether a node has no users and none will come back. Latched until the node is activated.
enum class Dry : std::uint8_t { no, yes };

/// Whether operators have been warned that this bleed is older than [admin] bleed_warning.
enum class Warned : std::uint8_t { no, yes };

/// What must be remembered of a node that is not active. Dates are for people and for the time
/// after a reboot; within a boot only Instants count, which do not jump when the wall clock is set.
struct NodeRecord {
  balancer::NodeState state = balancer::NodeState::bleeding;
  WallTime since;
  std::string by;
  std::string reason;
  std::optional<WallTime> deadline;  ///< empty: users are never moved
  Dry dry = Dry::no;
  Displaced displaced = Displaced::no;
  /// The node's address when the config lost it; kept until the node has no users.
  std::optional<conf::Address> removed_from;
  std::optional<Instant> since_monotonic = {};     ///< `since`, within this boot
  std::optional<Instant> deadline_monotonic = {};  ///< `deadline`, within this boot
  /// How long the operator gave; bounds the time left.
  std::optional<Millis> deadline_duration = {};
  Warned warned = Warned::no;

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

/// A node that is not in the map is active.
using NodeRecords = std::map<balancer::NodeId, NodeRecord>;

/// Null: the node is active.
[[nodiscard]] inline const NodeRecord* find_record(const NodeRecords& records,
                                                   const balancer::NodeId& id) {
  const auto found = records.find(id);
  return found == records.end() ? nullptr : &found->second;
}

using NodeIds = std::vector<balancer::NodeId>;

}  // namespace bonedry::admin
