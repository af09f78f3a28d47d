#pragma once

#include "balancer/node.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/exchange_error.h"

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// How a node has failed a request, in words: "cannot connect: connection refused".
struct NodeFailureText {
  balancer::NodeFailure kind;
  std::string_view what;  ///< may be empty
  std::string why = {};   ///< the cause, if it is known
};

/// What an exchange has to say of its node's failure. Nothing if the node has not failed, or if
/// that was logged where it happened: by the UpstreamPool, which connects.
[[nodiscard]] std::optional<NodeFailureText> node_failure_of(const ExchangeError& error);

/// Logs a failure as a warning that names the node, its address and the cause; of each kind and
/// node one in balancer::FailureNotes::kInterval, with the number of those that were not logged.
/// Any thread.
void log_node_failure(balancer::Node& node, const conf::Address& address,
                      const NodeFailureText& failure, Instant now);

}  // namespace bonedry::proxy
