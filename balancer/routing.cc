#include "balancer/routing.h"

namespace bonedry::balancer {
namespace {

RouteDecision moved_or_late(const NodeView& claimed) {
  return claimed.displaced ? RouteDecision::moved : RouteDecision::late;
}

/// The session has ended, so nothing of it is left on a bleeding node. An active node still gets
/// the request, since its application may remember the user.
RouteDecision route_ended(const NodeView& claimed, Reachable reachable) {
  if (is_closed(claimed.door)) return moved_or_late(claimed);
  if (claimed.door != Door::open || reachable == Reachable::no) return RouteDecision::late;
  return RouteDecision::session_node;
}

}  // namespace

RouteDecision route(Claim claim, const NodeView& claimed, Reachable reachable,
                    conf::OnLost on_lost) {
  if (claim == Claim::none) return RouteDecision::new_session;
  if (claim == Claim::pass) {
    return reachable == Reachable::yes ? RouteDecision::pass_node : RouteDecision::node_down;
  }
  if (claim == Claim::ended) return route_ended(claimed, reachable);
  if (claim == Claim::displaced && claimed.door != Door::open) return RouteDecision::moved;
  // Door before health: a user who must leave anyway does not get a 503 because the old node is
  // down.
  if (claimed.door == Door::shut) return moved_or_late(claimed);
  if (claimed.door == Door::held) return RouteDecision::held;
  if (reachable == Reachable::yes) return RouteDecision::session_node;
  return on_lost == conf::OnLost::rescue ? RouteDecision::rescued : RouteDecision::node_down;
}

}  // namespace bonedry::balancer
