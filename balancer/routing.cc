#include "balancer/routing.h"

namespace bonedry::balancer {
namespace {

RouteDecision taken_off(const NodeView& claimed) {
  return claimed.displaced ? RouteDecision::moved : RouteDecision::late;
}

/// Its session is over, so nothing on a bleeding node is left to come back to. On an active one it
/// finds what the application may still remember of it.
RouteDecision route_ended(const NodeView& claimed, Reachable reachable) {
  if (claimed.door == Door::shut) return taken_off(claimed);
  if (claimed.door != Door::open || reachable == Reachable::no) return RouteDecision::late;
  return RouteDecision::session_node;
}

}  // namespace

RouteDecision route(Claim claim, const NodeView& claimed, Reachable reachable,
                    conf::OnLost on_lost) {
  if (claim == Claim::none) return RouteDecision::new_session;
  if (claim == Claim::ended) return route_ended(claimed, reachable);
  // Door before health: a user who must leave anyway is not turned away because of the old node.
  if (claimed.door == Door::shut) {
    return claim == Claim::displaced ? RouteDecision::moved : taken_off(claimed);
  }
  if (claim == Claim::displaced && claimed.door != Door::open) return RouteDecision::moved;
  if (reachable == Reachable::yes) return RouteDecision::session_node;
  return on_lost == conf::OnLost::rescue ? RouteDecision::rescued : RouteDecision::node_down;
}

}  // namespace bonedry::balancer
