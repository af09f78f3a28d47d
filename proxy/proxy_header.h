#pragma once

#include "conf/config.h"
#include "proxy/io/proxy_protocol.h"

#include <string>

namespace bonedry::proxy {

/// What a node of such a pool gets first on a connection for a client; empty: nothing.
[[nodiscard]] std::string proxy_header(conf::ProxyProtocol protocol, const EndpointPair& endpoints);
/// The same on a connection of our own.
[[nodiscard]] std::string own_proxy_header(conf::ProxyProtocol protocol);

}  // namespace bonedry::proxy
