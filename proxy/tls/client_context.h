#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/tls/connection.h"
#include "proxy/tls/openssl.h"

#include <memory>
#include <string>
#include <vector>

namespace bonedry::tls {

/// The sessions that one server has given, for later connections to resume. Used on one thread.
class ClientSessions {
 public:
  /// Enough for as many connections as are opened at once, usually; the oldest goes first.
  static constexpr std::size_t kMax = 4;

  void put(SslSession session);
  /// The newest, or null. One of TLS 1.3 is taken out: used twice, it would tell an observer that
  /// both connections are of one client (RFC 8446, C.4).
  [[nodiscard]] SslSession take();

 private:
  std::vector<SslSession> sessions_;  // the newest last
};

/// A pool's side of TLS with its nodes. Each event loop has its own. Used on one thread.
class ClientContext {
 public:
  /// The error says what of the settings OpenSSL does not accept. The files have been read.
  [[nodiscard]] static Result<std::shared_ptr<const ClientContext>> make(
      const Library& library, const conf::PoolTls& config);

  /// Whether the server must have a certificate for this name (RFC 9525), which is asked for by SNI
  /// unless it is a numeric address. `sessions` are those of this server and this context. Throws
  /// std::bad_alloc when there is no memory.
  /// `alpn`: the protocol that is asked for (RFC 7301); empty: none is.
  [[nodiscard]] Connection connect(const std::string& name, const std::string& alpn,
                                   std::shared_ptr<ClientSessions> sessions) const;

 private:
  explicit ClientContext(SslContext context) : context_(std::move(context)) {}

  SslContext context_;
};

/// A server that connections are made to: how, by which name, and for which protocol. Used on one
/// thread.
class ClientTarget {
 public:
  ClientTarget(std::shared_ptr<const ClientContext> context, std::string name,
               std::string alpn = "")
      : context_(std::move(context)), name_(std::move(name)), alpn_(std::move(alpn)) {}

  [[nodiscard]] Connection connect() const { return context_->connect(name_, alpn_, sessions_); }

 private:
  std::shared_ptr<const ClientContext> context_;
  std::string name_;
  std::string alpn_;
  std::shared_ptr<ClientSessions> sessions_ = std::make_shared<ClientSessions>();
};

}  // namespace bonedry::tls
