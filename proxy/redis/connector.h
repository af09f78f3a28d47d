#pragma once

#include "conf/config.h"
#include "proxy/base/block.h"
#include "proxy/base/result.h"
#include "proxy/io/event_loop.h"
#include "proxy/redis/connection.h"
#include "proxy/redis/settings.h"

#include <memory>
#include <optional>
#include <string>

// Their headers include those of OpenSSL.
namespace bonedry::tls {
class ClientContext;
class Library;
}  // namespace bonedry::tls

namespace bonedry::redis {

/// Opens connections to servers, all in the same way. Outlives them until they are closed. Loop's
/// thread.
class Connector {
 public:
  /// `tls`: nullopt for plain connections. Throws std::runtime_error if OpenSSL refuses it.
  Connector(io::EventLoop& loop, BlockPool& blocks, const std::optional<conf::PoolTls>& tls);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  /// `peer`: without its `wire`. The error names the peer.
  [[nodiscard]] Result<std::unique_ptr<Connection>> connect(const ServerAddress& address,
                                                            const Peer& peer,
                                                            Connection::Owner& owner) const;

 private:
  [[nodiscard]] bool encrypts(const ServerAddress& address) const;
  [[nodiscard]] io::TransportSource transport(const ServerAddress& address, UniqueFd socket) const;

  io::EventLoop& loop_;
  BlockPool& blocks_;
  std::unique_ptr<tls::Library> library_;              // null: plain
  std::shared_ptr<const tls::ClientContext> context_;  // null: plain
  std::string server_name_;
};

}  // namespace bonedry::redis
