#pragma once

#include "proxy/end_reason.h"
#include "proxy/http/message.h"

#include <cstdint>

namespace bonedry::proxy {

/// Whether a request that has met an error may be sent once more.
enum class Retry : std::uint8_t {
  no,
  /// No connection came about, so nothing was sent: any request may try again, or another node.
  other_node,
  /// The node did not take the request off its connection, which had been idle too long: an
  /// idempotent one may be sent again, and costs the node nothing.
  not_processed,
  /// The node may have worked on it: an idempotent one may be sent again within the retry budget.
  maybe_processed,
};

/// What went wrong in an exchange, made where it happened. `Exchange::on_error` alone reads it: it
/// retries, answers, logs and counts.
struct ExchangeError {
  EndReason reason;  ///< names the side at fault too, see `side`
  Retry retry = Retry::no;
  int error = 0;                     ///< the errno behind it, or 0
  const char* why = "";              ///< a literal for the log, or empty
  http::Refusal refusal{0, "", ""};  ///< of the request: what the client is answered; 0: the row's

  [[nodiscard]] Side side() const { return info_of(reason).side; }
};

/// The request cannot be forwarded.
[[nodiscard]] inline ExchangeError refused(EndReason reason, const http::Refusal& refusal) {
  return {reason, Retry::no, 0, "", refusal};
}
/// Descriptors, memory or ports of our own have run out: no effects about a client or a node.
[[nodiscard]] inline ExchangeError out_of_resources(int error) {
  return {EndReason::no_resources, Retry::no, error, ""};
}

}  // namespace bonedry::proxy
