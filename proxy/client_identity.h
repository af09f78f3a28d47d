#pragma once

#include "conf/network.h"
#include "proxy/base/ip_address.h"
#include "proxy/http/head_edits.h"
#include "proxy/io/proxy_protocol.h"

#include <optional>
#include <span>
#include <string>
#include <utility>

namespace bonedry::proxy {

/// The client at the other end of one connection: the peer, or the client that a proxy in front
/// announced in a PROXY header. Owned by the connection.
class ClientIdentity {
 public:
  /// `text`: the peer's address as text. `trusted`: the proxies that are believed.
  ClientIdentity(const Endpoint& peer, std::string text, std::span<const conf::Network> trusted);

  /// Applies a complete PROXY header, which the peer was trusted to send.
  void announce(const io::ProxyHeader& header, std::span<const conf::Network> trusted);
  /// Sets our own end of the connection as the destination, unless a PROXY header has announced
  /// another.
  void set_local_address(const Endpoint& local);

  /// What nodes get to see of its certificate, see `client_cert_fields`; for as long as it is
  /// connected.
  void set_certificate(std::string fields) { certificate_ = std::move(fields); }

  /// "192.0.2.1" or "2001:db8::1".
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& certificate() const { return certificate_; }
  [[nodiscard]] const IpAddress& address() const { return source_.address; }
  [[nodiscard]] http::Trust trust() const { return trust_; }
  [[nodiscard]] const Endpoint& source() const { return source_; }
  [[nodiscard]] const std::optional<Endpoint>& destination() const { return destination_; }

 private:
  Endpoint source_;
  std::optional<Endpoint> destination_;
  std::string text_;
  std::string certificate_;
  http::Trust trust_;
};

}  // namespace bonedry::proxy
