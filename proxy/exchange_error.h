#pragma once

#include "proxy/end_reason.h"
#include "proxy/http/message.h"

#include <cstdint>

namespace bonedry::proxy {

/// Whether a request may be retried after an error.
enum class Retry : std::uint8_t {
  no,
  /// No connection was established, so nothing was sent: any request may be retried, also at
  /// another node.
  other_node,
  /// The node says that it has not processed the request (RFC 9113, section 8.7): any request may
  /// be sent again, if what was sent of its body is still there. It is not the node's failure.
  refused,
  /// The node did not read the request, because the connection had been idle too long: an
  /// idempotent request may be sent again, without load on the node and outside the retry budget.
  not_processed,
  /// The node may have processed the request: an idempotent one may be sent again within the retry
  /// budget.
  maybe_processed,
};

/// What went wrong in an exchange, created where it happened. `Exchange::on_error` decides what
/// follows: it retries, responds, logs and counts.
struct ExchangeError {
  EndReason reason;  ///< also determines the side at fault, see `side`
  Retry retry = Retry::no;
  int error = 0;                     ///< the errno behind it, or 0
  const char* why = "";              ///< a literal for the log, or empty
  http::Refusal refusal{0, "", ""};  ///< response to the client; 0: that of `reason`

  [[nodiscard]] Side side() const { return info_of(reason).side; }
};

/// The request cannot be forwarded.
[[nodiscard]] inline ExchangeError refused(EndReason reason, const http::Refusal& refusal) {
  return {reason, Retry::no, 0, "", refusal};
}
/// The proxy has run out of descriptors, memory or ports; not the fault of a client or a node.
[[nodiscard]] inline ExchangeError out_of_resources(int error) {
  return {EndReason::no_resources, Retry::no, error, ""};
}

}  // namespace bonedry::proxy
