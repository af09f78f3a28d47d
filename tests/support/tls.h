#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st;
struct ssl_session_st;

namespace bonedry::test {

/// A session of a finished connection, to resume in any number of others. Never changes, so that
/// threads may share it. Null: none.
using TlsSession = std::shared_ptr<ssl_session_st>;

/// How a client of the tests speaks TLS. Certificates and keys are PEM, versions "1.0" to "1.3".
/// What is empty is left to OpenSSL.
struct TlsClient {
  std::string ca = {};  ///< empty: the server's certificate is not verified
  /// Sent as SNI, and must be in a certificate that is verified; empty: neither. A numeric address
  /// is only verified.
  std::string server_name = "shop.example";
  std::string minimum_version = {};
  std::string maximum_version = {};
  std::vector<std::string> alpn = {};
  std::string certificate = {};  ///< shown to a server that requests one; its chain may follow it
  std::string key = {};
  std::string ciphers = {};  ///< up to TLS 1.2
  std::string groups = {};
  TlsSession session = {};  ///< from Socket::take_session
};

/// How a node of the tests speaks TLS, in the same terms.
struct TlsServer {
  std::string certificate = {};  ///< its chain may follow it
  std::string key = {};
  std::string client_ca = {};  ///< empty: no client needs a certificate
  std::string minimum_version = {};
  std::string maximum_version = {};
  std::vector<std::string> alpn = {};  ///< the first that the client offers too; else it is refused
  std::string ciphers = {};            ///< up to TLS 1.2
  std::string groups = {};
  std::size_t tickets = 2;  ///< for each TLS 1.3 connection; 0: no session can be resumed
};

/// Settings that OpenSSL has read. Connections of one server context can resume each other's
/// sessions: its ticket keys are its own. Thread-safe.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// Throw std::invalid_argument with OpenSSL's text when a setting is wrong.
[[nodiscard]] TlsContext make_context(const TlsClient& client);
[[nodiscard]] TlsContext make_context(const TlsServer& server);

}  // namespace bonedry::test
