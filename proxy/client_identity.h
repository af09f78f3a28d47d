#pragma once

#include "conf/network.h"
#include "proxy/base/ip_address.h"
#include "proxy/http/head_edits.h"
#include "proxy/io/proxy_protocol.h"

#include <optional>
#include <span>
#include <string>

namespace bonedry::proxy {

/// Who is at the other end of a client's connection: the peer, or whom a proxy in front has
/// announced by a PROXY header. A connection's.
class ClientIdentity {
 public:
  /// `text`: of the peer's address. `trusted`: the proxies that are believed.
  ClientIdentity(const Endpoint& peer, std::string text, std::span<const conf::Network> trusted);

  /// The peer was trusted to send this header, and it is complete.
  void announce(const io::ProxyHeader& header, std::span<const conf::Network> trusted);
  /// `local`: this side's end of the connection, for as long as no proxy has named another.
  void set_local_address(const Endpoint& local);

  /// "192.0.2.1" or "2001:db8::1".
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const IpAddress& address() const { return source_.address; }
  [[nodiscard]] http::Trust trust() const { return trust_; }
  [[nodiscard]] const Endpoint& source() const { return source_; }
  [[nodiscard]] const std::optional<Endpoint>& destination() const { return destination_; }

 private:
  Endpoint source_;
  std::optional<Endpoint> destination_;
  std::string text_;
  http::Trust trust_;
};

}  // namespace bonedry::proxy
