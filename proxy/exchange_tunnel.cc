#include "proxy/exchange.h"

#include <algorithm>
#include <utility>

/// The part of Exchange for nodes that switch protocols (RFC 9110, section 7.8): from the head of
/// the 101 on, each side's bytes are the other's, until each has ended its own; and for exchanges
/// that are ended when their node is taken from its users, which tunnels are.
namespace bonedry::proxy {

void Exchange::begin_tunnel() {
  held_.node->open_websocket();
  held_.tunnel = TunnelToken(*held_.node);
  if (binding_.held) context_.ledger().open_tunnel(*binding_.held);
  set(RequestState::tunnel);
  downstream_.delivering().begin_tunnel();  // what the client did not wait to say goes on at once
}

bool Exchange::on_displaced_node() const {
  const auto& nodes = current_runtime()->view().nodes;
  const auto own = std::ranges::find(nodes, held_.node, &balancer::NodeView::node);
  return own != nodes.end() && own->displaced && own->door == balancer::Door::shut;
}

void Exchange::end_if_displaced() {
  if (over() || !on_displaced_node()) return;
  if (in_tunnel()) return end_tunnel(EndReason::tunnel_moved);
  if (downstream_->gone()) finish(EndReason::client_gone, StreamEnd::aborted);
}

/// Both sides see the end of the connection, as if the other had closed it; a client that has not
/// heard all that the node has said, or was not heard out, sees that it was broken off.
void Exchange::end_tunnel(EndReason reason) {
  // A flush that gets the rest out says nothing of what either was not let say meanwhile.
  const bool node_heard_all = !upstream_ || upstream_->unsent() == 0;
  const bool heard_all = progress_.to_client == Flow::open && node_heard_all;
  const Flow flow = downstream_->flush();
  finish(reason, heard_all && flow == Flow::open ? StreamEnd::complete : StreamEnd::aborted);
}

void Exchange::leave_tunnel() {
  if (!in_tunnel()) return;
  held_.tunnel.reset();
  if (binding_.held) context_.ledger().close_tunnel(*binding_.held);
}

}  // namespace bonedry::proxy
