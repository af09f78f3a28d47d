#pragma once

#include "balancer/topology.h"

#include <cstdint>

namespace bonedry::balancer {

/// What a request brings along.
enum class Claim : std::uint8_t {
  none,       ///< no session: no cookie, a forged one, one of a node that there is no more
  session,    ///< a session that is on a node
  displaced,  ///< a session that the operator took off its node, not yet put on another
  ended,      ///< a genuine cookie whose session the ledger no longer has
};

/// What becomes of a request.
enum class RouteDecision : std::uint8_t {
  session_node,  ///< to the node that it claims
  new_session,   ///< to any node that takes new sessions: a new user
  late,          ///< the same, counted at its old node: it had expired, or its node is dry
  moved,      ///< the same, counted at its old node: a deadline or forced maintenance took it off
  rescued,    ///< the same, counted at its old node: that node is down
  node_down,  ///< 503: its node is down and the pool says on_lost = "fail"
};

enum class Reachable : std::uint8_t { yes, no };

/// The routing table (design, section 4) for one request that claims a node. Claim::none is always
/// `fresh` and claims no node.
[[nodiscard]] RouteDecision route(Claim claim, const NodeView& claimed, Reachable reachable,
                                  conf::OnLost on_lost);

}  // namespace bonedry::balancer
