#include "proxy/end_reason.h"

#include <array>
#include <cstddef>

namespace bonedry::proxy {
namespace {

using enum EndReason;

constexpr std::array<EndReasonInfo, kEndReasons> kRows{{
    {completed, "completed", Side::nobody, 0, "request and response went through"},
    {bad_request, "bad_request", Side::downstream, 400, "the request is malformed"},
    {body_too_large, "body_too_large", Side::downstream, 413, "the request's body is too large"},
    {bad_pass, "bad_pass", Side::downstream, 403, "the pass is not valid"},
    {client_gone, "client_gone", Side::downstream, 0, "the client closed the connection early"},
    {client_stalled, "client_stalled", Side::downstream, 408,
     "the client stopped sending or reading"},
    {no_node, "no_node", Side::internal, 503, "no node is available"},
    {node_lost, "node_lost", Side::upstream, 503, "the node of this session is down"},
    {held, "held", Side::internal, 503,
     "the members of the cluster have not agreed yet whether the node of this session is dry"},
    {node_full, "node_full", Side::upstream, 503,
     "no connection to the node became free in time, or its queue is full"},
    {no_resources, "no_resources", Side::internal, 503, "the proxy is out of resources"},
    {connect_failed, "connect_failed", Side::upstream, 502, "no node could be reached"},
    {connect_timeout, "connect_timeout", Side::upstream, 504, "no node could be reached in time"},
    {response_timeout, "response_timeout", Side::upstream, 504, "the node did not respond in time"},
    {node_closed, "node_closed", Side::upstream, 502,
     "the node closed the connection before it responded"},
    {bad_response, "bad_response", Side::upstream, 502, "the node's response is malformed"},
    {response_cut, "response_cut", Side::upstream, 502,
     "the node closed the connection during its response"},
    {node_stalled, "node_stalled", Side::upstream, 504, "the node stopped sending or reading"},
    {tunnel_idle, "tunnel_idle", Side::nobody, 0, "the tunnel was idle for too long"},
    {tunnel_moved, "tunnel_moved", Side::internal, 0,
     "the sessions of the tunnel's node are being moved"},
    {shut_down, "shut_down", Side::internal, 503, "the proxy is shutting down"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].reason) != i) return false;
  }
  return true;
}
static_assert(in_order(), "info_of looks rows up by their position");

}  // namespace

const EndReasonInfo& info_of(EndReason reason) {
  return kRows[static_cast<std::size_t>(reason)];
}

}  // namespace bonedry::proxy
