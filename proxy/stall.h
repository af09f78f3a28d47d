#pragma once

#include "proxy/end_reason.h"
#include "proxy/exchange_state.h"

#include <cstddef>
#include <cstdint>

namespace bonedry::proxy {

/// Whose next step an exchange waits for.
enum class StallCause : std::uint8_t {
  client_reads,  ///< bytes wait for the client
  node_reads,    ///< bytes wait for the node
  client_sends,  ///< the rest of the request
  node_answers,  ///< the head of the answer
  node_sends,    ///< the rest of the answer
  either,        ///< nobody owes anything in a tunnel
};

/// Where an exchange is: all that tells whom it waits for.
struct IoState {
  std::size_t unsent_to_client = 0;  ///< bytes that the client's socket has no room for
  std::size_t unsent_to_node = 0;    ///< the same of the node's
  RequestState request = RequestState::done;
  ResponseState response = ResponseState::waiting;
  /// The client holds its body back until the node asks for it (RFC 9110, section 10.1.1).
  bool awaits_continue = false;
};

/// Whoever does not read comes first: the other side of the exchange is held up by it. A client
/// that reads nothing comes before the node, since a node that cannot send may read no more either.
/// Then whoever owes bytes, the client first: a node that has begun to answer may need the rest of
/// the request for the rest of its answer (an echo), while the rest of the request needs nothing.
[[nodiscard]] constexpr StallCause stall_cause(const IoState& io) {
  if (io.unsent_to_client > 0) return StallCause::client_reads;
  if (io.unsent_to_node > 0) return StallCause::node_reads;
  const bool tunnel = io.request == RequestState::tunnel || io.request == RequestState::ending ||
                      io.response == ResponseState::tunnel;
  if (tunnel) return StallCause::either;
  const bool sends = io.request == RequestState::body && !io.awaits_continue;
  if (sends) return StallCause::client_sends;
  return io.response == ResponseState::waiting ? StallCause::node_answers : StallCause::node_sends;
}

/// How an exchange ends when that does not come in time.
[[nodiscard]] constexpr EndReason ending_of(StallCause stall_cause) {
  switch (stall_cause) {
    case StallCause::client_reads:
    case StallCause::client_sends:
      return EndReason::client_stalled;
    case StallCause::node_reads:
    case StallCause::node_sends:
      return EndReason::node_stalled;
    case StallCause::node_answers:
      return EndReason::response_timeout;
    case StallCause::either:
      break;
  }
  return EndReason::tunnel_idle;
}

}  // namespace bonedry::proxy
