#pragma once

#include "conf/config.h"
#include "proxy/io/proxy_protocol.h"

#include <optional>
#include <string>

namespace bonedry::proxy {

/// The PROXY header that begins a connection to a node of a pool with this protocol; "" if there is
/// none. `endpoints`: of the client's connection; nullopt for a connection of our own. `tls`: how
/// the client's connection is encrypted, null if it is not; only v2 tells it.
[[nodiscard]] std::string proxy_header(conf::ProxyProtocol protocol,
                                       const std::optional<EndpointPair>& endpoints,
                                       const io::TlsInfo* tls);

}  // namespace bonedry::proxy
