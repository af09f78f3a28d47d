#include "balancer/routing.h"

namespace bonedry::balancer {
namespace {

Verdict taken_off(const NodeView& claimed) {
  return claimed.displaced ? Verdict::moved : Verdict::late;
}

/// Its session is over, so nothing on a bleeding node is left to come back to. On an active one it
/// finds what the application may still remember of it.
Verdict route_ended(const NodeView& claimed, Reachable reachable) {
  if (claimed.door == Door::shut) return taken_off(claimed);
  if (claimed.door != Door::open || reachable == Reachable::no) return Verdict::late;
  return Verdict::own_node;
}

}  // namespace

Verdict route(Claim claim, const NodeView& claimed, Reachable reachable, conf::OnLost on_lost) {
  if (claim == Claim::none) return Verdict::fresh;
  if (claim == Claim::ended) return route_ended(claimed, reachable);
  // Door before health: a user who must leave anyway is not turned away because of the old node.
  if (claimed.door == Door::shut) {
    return claim == Claim::displaced ? Verdict::moved : taken_off(claimed);
  }
  if (claim == Claim::displaced && claimed.door != Door::open) return Verdict::moved;
  if (reachable == Reachable::yes) return Verdict::own_node;
  return on_lost == conf::OnLost::rescue ? Verdict::rescued : Verdict::lost;
}

}  // namespace bonedry::balancer
