#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/tls/connection.h"
#include "proxy/tls/host_names.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/ticket_keys.h"

#include <memory>
#include <string>
#include <vector>

namespace bonedry::tls {

/// A listener's side of TLS: certificates, chosen by the name that a client asks for, versions,
/// ciphers, tickets. Each worker has its own, so that handshakes of different workers share no
/// counters and no locks. Used on one thread; what it makes keeps it alive.
class ServerContext : public std::enable_shared_from_this<ServerContext> {
 public:
  /// What tickets are bound to besides the certificate: they are not accepted by another listener,
  /// nor after the policy for client certificates has changed.
  struct Identity {
    std::string listener;  ///< its address
    std::shared_ptr<const TicketKeys> keys;
  };

  /// The error says what of the settings OpenSSL does not accept. All certificates have contents.
  [[nodiscard]] static Result<std::shared_ptr<ServerContext>> make(const Library& library,
                                                                   const conf::ListenerTls& config,
                                                                   Identity identity);

  /// Throws std::bad_alloc when there is no memory.
  [[nodiscard]] Connection accept() const;
  /// Whether nodes get the issuers of clients' certificates.
  [[nodiscard]] bool forwards_issuers() const { return config_.client_cert_chain; }
  /// Which certificates are for which host. Never null.
  [[nodiscard]] const std::shared_ptr<const HostNames>& names() const { return names_; }
  /// From now on.
  void set_ticket_keys(std::shared_ptr<const TicketKeys> keys) { identity_.keys = std::move(keys); }

 private:
  friend struct ServerCallbacks;

  /// What belongs to a host of `names_`. OpenSSL's callbacks find it by its context.
  struct Host {
    explicit Host(const ServerContext& its_owner) : owner(its_owner) {}

    const ServerContext& owner;
    std::string id;  ///< in tickets
    SslContext context;
    const X509* stapled = nullptr;  ///< the certificate that has an OCSP response, in the context
  };

  ServerContext(const Library& library, const conf::ListenerTls& config, Identity identity)
      : library_(library),
        config_(config),
        identity_(std::move(identity)),
        names_(std::make_shared<const HostNames>(config_.certificates)) {}

  [[nodiscard]] Result<> make_hosts();
  [[nodiscard]] Result<> make_context(Host& host,
                                      const std::vector<std::size_t>& certificates) const;
  [[nodiscard]] Result<> apply_settings(SSL_CTX& context) const;
  [[nodiscard]] Result<> verify_clients(SSL_CTX& context) const;

  const Library& library_;
  const conf::ListenerTls config_;
  Identity identity_;
  std::string alpn_;  // as in the extension
  std::shared_ptr<const HostNames> names_;
  std::vector<std::unique_ptr<Host>> hosts_;  // in the order of `names_`
};

}  // namespace bonedry::tls
