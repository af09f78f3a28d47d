#pragma once

#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/base/unique_fd.h"
#include "proxy/connection_context.h"
#include "proxy/io/connection_transport.h"

#include <memory>

// Their headers include those of OpenSSL.
namespace bonedry::tls {
class ClientContext;
class ClientTarget;
}  // namespace bonedry::tls

namespace bonedry::proxy {

/// How a node is spoken to in TLS; null if `context` is: plain.
[[nodiscard]] std::shared_ptr<const tls::ClientTarget> tls_target(
    std::shared_ptr<const tls::ClientContext> context, const conf::Pool& pool,
    const conf::Address& node);

/// What a connection to a node is made from, around a socket that is connecting. `tls`: null for a
/// plain one.
[[nodiscard]] io::TransportSource node_transport(ConnectionContext& context,
                                                 const tls::ClientTarget* tls, UniqueFd socket);

}  // namespace bonedry::proxy
