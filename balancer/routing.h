#pragma once

#include "balancer/topology.h"

#include <cstdint>

namespace bonedry::balancer {

/// What a request has of a node: a session, by its cookie, or a pass.
enum class Claim : std::uint8_t {
  none,       ///< no session: no cookie, a forged one, or one of a removed node
  session,    ///< a session that is on a node
  displaced,  ///< a session that was taken off its node and has not been moved yet
  ended,      ///< a genuine cookie whose session the ledger no longer has
  /// A genuine cookie of a node whose door is held, and whose session the ledger does not know but
  /// may have lost, or another member of the cluster may have. It is looked up again once the door
  /// is no longer held.
  uncertain,
  pass,  ///< a valid pass: the request of a tester, which belongs to no session
};

/// Where a request goes.
enum class RouteDecision : std::uint8_t {
  session_node,  ///< to the node that it claims
  new_session,   ///< to any node that takes new sessions: a new user
  late,          ///< new_session, counted at the old node: expired, or that node is dry
  moved,         ///< the same: a deadline or forced maintenance took it off that node
  rescued,       ///< the same: that node is down
  exempt,        ///< to any node that is open to new users; no session begins
  node_down,     ///< 503: its node is down and the pool says on_lost = "fail"; or that of a pass is
  held,          ///< nowhere yet: it waits until it is decided whether its node is dry
  pass_node,     ///< to the node of its pass, whatever the state of that node
};

enum class Reachable : std::uint8_t { yes, no };

/// The routing table (docs/routing.md) for one request that claims a node. Claim::none is always
/// `new_session` and claims no node.
[[nodiscard]] RouteDecision route(Claim claim, const NodeView& claimed, Reachable reachable,
                                  conf::OnLost on_lost);

}  // namespace bonedry::balancer
