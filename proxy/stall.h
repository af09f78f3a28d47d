#pragma once

#include "proxy/end_reason.h"
#include "proxy/exchange_state.h"

#include <cstddef>
#include <cstdint>

namespace bonedry::proxy {

/// Whose next step an exchange waits for.
enum class StallCause : std::uint8_t {
  client_reads,  ///< the client has to read queued bytes
  node_reads,    ///< the node has to read queued bytes
  client_sends,  ///< the client has to send the rest of the request
  node_answers,  ///< the node has to send the head of the response
  node_sends,    ///< the node has to send the rest of the response
  either,        ///< a tunnel, in which neither side has to send
};

/// The progress of an exchange, as far as it decides what the exchange waits for.
struct IoState {
  std::size_t unsent_to_client = 0;  ///< bytes that the client's socket has no room for
  std::size_t unsent_to_node = 0;    ///< bytes that the node's socket has no room for
  RequestState request = RequestState::done;
  ResponseState response = ResponseState::waiting;
  /// The client holds its body back until the node asks for it (RFC 9110, section 10.1.1).
  bool awaits_continue = false;
};

/// A side that does not read comes first, because it blocks the other side. The client comes before
/// the node, since a node that cannot send may stop reading as well. Next comes a side that has to
/// send, again the client first: a node may need the rest of the request for the rest of its
/// response (an echo), while the rest of the request depends on nothing.
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

/// How an exchange ends when that step does not come in time.
[[nodiscard]] constexpr EndReason end_reason_of(StallCause cause) {
  switch (cause) {
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
