#include "proxy/redis/connector.h"

#include "proxy/io/socket.h"
#include "proxy/tls/client_context.h"
#include "proxy/tls/tls_transport.h"

#include <stdexcept>
#include <utility>
#include <variant>

namespace bonedry::redis {
namespace {

Result<io::SocketAddress> socket_address(const ServerAddress& address) {
  if (const auto* const unix = std::get_if<UnixPath>(&address)) {
    return io::make_unix_address(unix->path);
  }
  const auto& server = std::get<conf::Address>(address);
  return io::make_address(server.host, server.port);
}

}  // namespace

Connector::Connector(io::EventLoop& loop, BlockPool& blocks,
                     const std::optional<conf::PoolTls>& tls)
    : loop_(loop), blocks_(blocks) {
  if (!tls) return;
  library_ = std::make_unique<tls::Library>();
  auto context = tls::ClientContext::make(*library_, *tls);
  if (!context) throw std::runtime_error(context.error());
  context_ = std::move(*context);
  server_name_ = tls->server_name;
}

Connector::~Connector() = default;

Result<std::unique_ptr<Connection>> Connector::connect(const ServerAddress& address,
                                                       const Peer& peer,
                                                       Connection::Owner& owner) const {
  const auto target = socket_address(address);
  if (!target) return Failure{peer.name + ": " + target.error()};
  io::ConnectStart start = io::start_connect(*target);
  if (start.error != 0) return Failure{peer.name + ": " + io::shortage_text(start.error)};
  Peer met = peer;
  met.wire = encrypts(address) ? Wire::tls : Wire::plain;
  return std::make_unique<Connection>(loop_, blocks_, transport(address, std::move(start.fd)),
                                      std::move(met), owner);
}

bool Connector::encrypts(const ServerAddress& address) const {
  return context_ && std::holds_alternative<conf::Address>(address);
}

/// Each connection has sessions of its own: they are opened too rarely for resuming one.
io::TransportSource Connector::transport(const ServerAddress& address, UniqueFd socket) const {
  if (!encrypts(address)) return socket;
  const std::string& host = std::get<conf::Address>(address).host;
  const tls::ClientTarget target(context_, server_name_.empty() ? host : server_name_);
  return std::make_unique<tls::TlsTransport>(tls::TransportContext{loop_, blocks_},
                                             target.connect(), std::move(socket));
}

}  // namespace bonedry::redis
