#include "proxy/node_transport.h"

#include "proxy/tls/client_context.h"
#include "proxy/tls/tls_transport.h"

#include <utility>

namespace bonedry::proxy {

std::shared_ptr<const tls::ClientTarget> tls_target(
    std::shared_ptr<const tls::ClientContext> context, const conf::Pool& pool,
    const conf::Address& node) {
  if (!context) return nullptr;
  const std::string& name = pool.tls->server_name;
  return std::make_shared<const tls::ClientTarget>(
      std::move(context), name.empty() ? node.host : name,
      pool.protocol == conf::NodeProtocol::h2 ? "h2" : "");
}

io::TransportSource node_transport(ConnectionContext& context, const tls::ClientTarget* tls,
                                   UniqueFd socket) {
  if (tls == nullptr) return socket;
  return std::make_unique<tls::TlsTransport>(tls::TransportContext{context.loop, context.blocks},
                                             tls->connect(), std::move(socket));
}

}  // namespace bonedry::proxy
