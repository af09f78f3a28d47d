#pragma once

#include "conf/config.h"
#include "proxy/io/proxy_protocol.h"

#include <optional>
#include <string>

namespace bonedry::proxy {

/// What a node of such a pool gets first on a connection for a client (`endpoints`: of the client's
/// connection) or on one of our own (none); empty: nothing.
[[nodiscard]] std::string proxy_header(conf::ProxyProtocol protocol,
                                       const std::optional<EndpointPair>& endpoints);

}  // namespace bonedry::proxy
