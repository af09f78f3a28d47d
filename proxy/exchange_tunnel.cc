#include "proxy/exchange.h"
#include "proxy/worker.h"

#include <algorithm>
#include <utility>

/// The part of Exchange for nodes that switch protocols (RFC 9110, section 7.8): from the head of
/// the 101 on, each side's bytes are the other's, until each has ended its own; and for exchanges
/// that are ended when their node is taken from its users, which tunnels are.
namespace bonedry::proxy {

void Exchange::begin_tunnel() {
  tunnelled_ = node_.get();
  tunnelled_->open_websocket();
  if (visit_.held) worker_.ledger().open_tunnel(*visit_.held);
  set(RequestState::tunnel);
  origin_.downstream->begin_tunnel();  // what the client did not wait to say goes on at once
}

bool Exchange::on_displaced_node() const {
  const auto& nodes = worker_.runtime_of(origin_.listener)->view().nodes;
  const auto own = std::ranges::find(nodes, node_, &balancer::NodeView::node);
  return own != nodes.end() && own->displaced && own->door == balancer::Door::shut;
}

void Exchange::leave_displaced_node() {
  if (over() || !on_displaced_node()) return;
  if (in_tunnel()) return end_tunnel(EndReason::tunnel_moved);
  if (origin_.downstream->gone()) finish(EndReason::client_gone, Departure::abort);
}

/// Both sides see the end of the connection, as if the other had closed it; a client that has not
/// heard all that the node has said, or was not heard out, sees that it was broken off.
void Exchange::end_tunnel(EndReason reason) {
  // A flush that gets the rest out says nothing of what either was not let say meanwhile.
  const bool node_heard_all = upstream_ == nullptr || upstream_->unsent() == 0;
  const bool heard_all = to_client_ == Flow::open && node_heard_all;
  const Flow flow = origin_.downstream->flush();
  finish(reason, heard_all && flow == Flow::open ? Departure::close : Departure::abort);
}

void Exchange::leave_tunnel() {
  if (!in_tunnel()) return;
  std::exchange(tunnelled_, nullptr)->close_websocket();
  if (visit_.held) worker_.ledger().close_tunnel(*visit_.held);
}

}  // namespace bonedry::proxy
