#include "proxy/exchange.h"

#include <algorithm>
#include <utility>

/// The part of Exchange for nodes that switch protocols (RFC 9110, section 7.8): after the head of
/// the 101, each side's bytes are forwarded to the other until both have ended. It also ends
/// exchanges, such as tunnels, when their node's sessions are displaced.
namespace bonedry::proxy {

void Exchange::begin_tunnel() {
  held_.tunnel.emplace();
  if (!pass_) {
    held_.node->open_tunnel();
    held_.tunnel = TunnelToken(*held_.node);
  }
  if (binding_.held) context_.ledger().open_tunnel(*binding_.held);
  set(RequestState::tunnel);
  downstream_.delivering().begin_tunnel();  // what the client has already sent is forwarded at once
}

/// A pass leads to its node in every state.
bool Exchange::on_displaced_node() const {
  if (!held_.node || pass_) return false;
  const auto& nodes = current_runtime()->view().nodes;
  const auto own = std::ranges::find(nodes, held_.node, &balancer::NodeView::node);
  return own != nodes.end() && own->displaced && own->door == balancer::Door::shut;
}

void Exchange::end_if_displaced() {
  if (over()) return;
  if (in_tunnel() && is_pass_revoked()) return end_tunnel(EndReason::bad_pass);
  if (!on_displaced_node()) return;
  if (in_tunnel()) return end_tunnel(EndReason::tunnel_moved);
  if (downstream_->gone()) finish(EndReason::client_gone, StreamEnd::aborted);
}

/// Both sides see the end of the connection, as if the other had closed it. A side to which bytes
/// were not delivered sees a reset instead; so does the client if some of its own were not.
void Exchange::end_tunnel(EndReason reason) {
  // Checked before the flush: even if it now sends everything, unread bytes may remain on the side
  // that was paused.
  const bool node_got_all = !upstream_ || upstream_->unsent() == 0;
  const bool all_delivered = progress_.to_client == Flow::open && node_got_all;
  const Flow flow = downstream_->flush();
  release_upstream(node_got_all ? StreamEnd::complete : StreamEnd::aborted);
  finish(reason, all_delivered && flow == Flow::open ? StreamEnd::complete : StreamEnd::aborted);
}

void Exchange::leave_tunnel() {
  if (!in_tunnel()) return;
  held_.tunnel.reset();
  if (binding_.held) context_.ledger().close_tunnel(*binding_.held);
}

}  // namespace bonedry::proxy
