#include "proxy/node_failure.h"

#include "proxy/base/file.h"

#include <spdlog/spdlog.h>

namespace bonedry::proxy {

using balancer::NodeFailure;

std::optional<NodeFailureText> node_failure_of(const ExchangeError& error) {
  const std::string why = error.error != 0 ? errno_text(error.error) : error.why;
  switch (error.reason) {
    case EndReason::node_closed:
      return NodeFailureText{NodeFailure::closed, "no response: the connection ended", why};
    case EndReason::response_timeout:
      return NodeFailureText{NodeFailure::response_timeout,
                             "no response within [timeouts] response", why};
    case EndReason::bad_response:
      return NodeFailureText{NodeFailure::bad_response, "malformed response", why};
    case EndReason::response_cut:
      return NodeFailureText{NodeFailure::response_cut, "the connection ended within a response",
                             why};
    case EndReason::node_stalled:
      return NodeFailureText{NodeFailure::stalled, "stopped sending or reading", why};
    default:
      return std::nullopt;
  }
}

void log_node_failure(balancer::Node& node, const conf::Address& address,
                      const NodeFailureText& failure, Instant now) {
  const std::optional<std::uint64_t> suppressed = node.failures.note(failure.kind, now);
  if (!suppressed) return;
  const bool both = !failure.what.empty() && !failure.why.empty();
  spdlog::warn("node {} ({}): {}{}{} ({} more not logged)", node.key(), conf::to_string(address),
               failure.what, both ? ": " : "", failure.why, *suppressed);
}

}  // namespace bonedry::proxy
