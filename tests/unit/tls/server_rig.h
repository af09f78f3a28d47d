#pragma once

#include "proxy/tls/server_context.h"
#include "tests/unit/tls/memory_peer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Clients of OpenSSL, and listeners for them.
namespace bonedry::tls::test {

using Session = std::unique_ptr<SSL_SESSION, Freed<&SSL_SESSION_free>>;

inline const bonedry::test::CertificateAuthority& authority() {
  static const bonedry::test::CertificateAuthority kAuthority;
  return kAuthority;
}

inline conf::Certificate certificate(
    const std::vector<std::string>& names,
    bonedry::test::KeyKind key = bonedry::test::KeyKind::ecdsa_p256) {
  return to_config(authority().issue({.names = names, .key = key}), names);
}

/// A listener with one certificate, for shop.example.
inline conf::ListenerTls one_shop() {
  static const conf::Certificate kShop = certificate({"shop.example"});
  conf::ListenerTls config;
  config.certificates = {kShop};
  return config;
}

/// Three hosts, the first of which is the default.
inline conf::ListenerTls three_hosts() {
  static const std::vector<conf::Certificate> kAll{certificate({"shop.example"}),
                                                   certificate({"*.api.example", "api.example"}),
                                                   certificate({"deep.api.example"})};
  conf::ListenerTls config;
  config.certificates = kAll;
  return config;
}

inline std::string common_name(const X509* certificate) {
  std::string name(64, '\0');
  if (certificate == nullptr) return "none";
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                             name.data(), static_cast<int>(name.size()));
  name.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return name;
}

/// A client, and a handshake with a listener.
struct Client {
  explicit Client(int version) : context(client_context(version)) { make(); }

  /// From the context as it is now; before the handshake.
  void make() { peer = std::make_unique<MemoryPeer>(*context, Role::client); }
  void ask_for(const std::string& name) {
    ASSERT_EQ(SSL_set_tlsext_host_name(peer->ssl(), name.c_str()), 1);
  }
  void connect(const ServerContext& listener) { connect(listener.accept()); }
  void connect(Connection connection) {
    server = std::make_unique<MemoryPeer>(std::move(connection));
    test::shake_hands(*peer, *server);
  }
  [[nodiscard]] bool connected() const { return peer->is_open() && server->is_open(); }
  /// The name in the certificate that the listener has shown.
  [[nodiscard]] std::string shown() const {
    return common_name(SSL_get0_peer_certificate(peer->ssl()));
  }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(peer->ssl()) == 1; }
  [[nodiscard]] Session session() const { return Session(SSL_get1_session(peer->ssl())); }
  void resume(const Session& session) {
    ASSERT_EQ(SSL_SESSION_is_resumable(session.get()), 1);
    ASSERT_EQ(SSL_set_session(peer->ssl(), session.get()), 1);
  }

  SslContext context;
  std::unique_ptr<MemoryPeer> peer;
  std::unique_ptr<MemoryPeer> server;
};

inline std::string version_name(const testing::TestParamInfo<int>& version) {
  return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}

class ServerContextTest : public testing::TestWithParam<int> {
 protected:
  using Made = Result<std::shared_ptr<ServerContext>>;

  [[nodiscard]] Made make(const conf::ListenerTls& config) const {
    return ServerContext::make(library_, config, {"*:443", keys_});
  }
  [[nodiscard]] std::shared_ptr<ServerContext> listener(const conf::ListenerTls& config,
                                                        const std::string& name = "*:443") const {
    const Made made = ServerContext::make(library_, config, {name, keys_});
    EXPECT_TRUE(made) << made.error();
    return *made;
  }
  [[nodiscard]] std::string shown_for(const ServerContext& listener,
                                      const std::string& name) const {
    Client client(GetParam());
    if (!name.empty()) client.ask_for(name);
    client.connect(listener);
    return client.connected() ? client.shown() : client.peer->error();
  }

  Library library_;
  std::shared_ptr<const TicketKeys> keys_ = std::make_shared<const TicketKeys>(WallTime{});
};

inline const auto kBothVersions = testing::Values(TLS1_2_VERSION, TLS1_3_VERSION);

}  // namespace bonedry::tls::test
