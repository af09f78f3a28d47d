#include "proxy/tls/server_context.h"

#include "tests/unit/tls/memory_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::tls::test {
namespace {

using bonedry::test::CertificateAuthority;
using bonedry::test::IssuedCertificate;
using bonedry::test::KeyKind;
using conf::ClientCertificates;
using testing::HasSubstr;

using Session = std::unique_ptr<SSL_SESSION, Freed<&SSL_SESSION_free>>;

const CertificateAuthority& authority() {
  static const CertificateAuthority kAuthority;
  return kAuthority;
}

conf::Certificate certificate(const std::vector<std::string>& names,
                              KeyKind key = KeyKind::ecdsa_p256) {
  return to_config(authority().issue({.names = names, .key = key}), names);
}

/// A listener with one certificate, for shop.example.
conf::ListenerTls one_shop() {
  static const conf::Certificate kShop = certificate({"shop.example"});
  conf::ListenerTls config;
  config.certificates = {kShop};
  return config;
}

/// Three hosts, the first of which is the default.
conf::ListenerTls three_hosts() {
  static const std::vector<conf::Certificate> kAll{certificate({"shop.example"}),
                                                   certificate({"*.api.example", "api.example"}),
                                                   certificate({"deep.api.example"})};
  conf::ListenerTls config;
  config.certificates = kAll;
  return config;
}

std::string common_name(const X509* certificate) {
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

std::string version_name(const testing::TestParamInfo<int>& version) {
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
INSTANTIATE_TEST_SUITE_P(All, ServerContextTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

// -- Certificates by name -------------------------------------------------------------------------

TEST_P(ServerContextTest, ShowsTheCertificateForTheNameThatTheClientAsksFor) {
  const auto hosts = listener(three_hosts());
  EXPECT_EQ(shown_for(*hosts, "shop.example"), "shop.example");
  EXPECT_EQ(shown_for(*hosts, "api.example"), "*.api.example");
  EXPECT_EQ(shown_for(*hosts, "v1.api.example"), "*.api.example");
  EXPECT_EQ(shown_for(*hosts, "deep.api.example"), "deep.api.example") << "exact goes first";
  EXPECT_EQ(shown_for(*hosts, "V1.API.Example"), "*.api.example");
  EXPECT_EQ(shown_for(*hosts, "DEEP.api.EXAMPLE"), "deep.api.example");
}

TEST_P(ServerContextTest, ShowsTheFirstCertificateForOtherNames) {
  const auto hosts = listener(three_hosts());
  EXPECT_EQ(shown_for(*hosts, ""), "shop.example");
  EXPECT_EQ(shown_for(*hosts, "unknown.example"), "shop.example");
  EXPECT_EQ(shown_for(*hosts, "a.b.api.example"), "shop.example") << "a wildcard is one label";
  EXPECT_EQ(shown_for(*hosts, "example"), "shop.example");
  EXPECT_EQ(shown_for(*hosts, ".api.example"), "shop.example");
}

TEST_P(ServerContextTest, StrictSniRefusesOtherNames) {
  conf::ListenerTls config = three_hosts();
  config.strict_sni = true;
  const auto hosts = listener(config);
  EXPECT_EQ(shown_for(*hosts, "api.example"), "*.api.example");
  EXPECT_THAT(shown_for(*hosts, ""), HasSubstr("unrecognized name"));
  EXPECT_THAT(shown_for(*hosts, "unknown.example"), HasSubstr("unrecognized name"));
  EXPECT_THAT(shown_for(*hosts, "a.b.api.example"), HasSubstr("unrecognized name"));
}

TEST_P(ServerContextTest, ChoosesAmongKeysOfOneNameByTheClientsAlgorithms) {
  const std::vector<std::string> names{"shop.example"};
  conf::ListenerTls config;
  config.certificates = {certificate(names), certificate(names, KeyKind::rsa_2048)};
  const auto both = listener(config);
  const auto key_for = [&](const char* algorithms) {
    Client client(GetParam());
    SSL_set1_sigalgs_list(client.peer->ssl(), algorithms);
    client.connect(*both);
    if (!client.connected()) return client.peer->error();
    return std::string(
        EVP_PKEY_get0_type_name(X509_get0_pubkey(SSL_get0_peer_certificate(client.peer->ssl()))));
  };
  EXPECT_EQ(key_for("RSA-PSS+SHA256:RSA+SHA256"), "RSA");
  EXPECT_EQ(key_for("ECDSA+SHA256"), "EC");
  EXPECT_EQ(key_for("ECDSA+SHA256:RSA-PSS+SHA256"), "EC");
}

// -- Versions, ciphers ----------------------------------------------------------------------------

TEST_P(ServerContextTest, MayRequireTls13) {
  conf::ListenerTls config = one_shop();
  config.minimum_version = conf::TlsVersion::tls_1_3;
  Client client(GetParam());
  client.connect(*listener(config));
  const bool is_1_3 = GetParam() == TLS1_3_VERSION;
  EXPECT_EQ(client.connected(), is_1_3);
  EXPECT_THAT(client.peer->error(), HasSubstr(is_1_3 ? "" : "protocol version"));
}

TEST_F(ServerContextTest, RefusesTls11) {
  Client client(TLS1_1_VERSION);
  SSL_set_security_level(client.peer->ssl(), 0);
  client.connect(*listener(one_shop()));
  EXPECT_FALSE(client.connected());
  EXPECT_THAT(client.peer->error(), HasSubstr("protocol version"));
}

TEST_F(ServerContextTest, RefusesWeakCiphers) {
  const std::vector<std::string> names{"shop.example"};
  conf::ListenerTls config;
  config.certificates = {certificate(names), certificate(names, KeyKind::rsa_2048)};
  const auto shop = listener(config);
  for (const char* cipher : {"AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA",
                             "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES128-GCM-SHA256"}) {
    Client client(TLS1_2_VERSION);
    ASSERT_EQ(SSL_set_cipher_list(client.peer->ssl(), cipher), 1);
    client.connect(*shop);
    EXPECT_FALSE(client.connected()) << cipher;
    EXPECT_THAT(client.peer->error(), HasSubstr("handshake failure")) << cipher;
  }
}

TEST_P(ServerContextTest, UsesTheCiphersOfTheConfig) {
  conf::ListenerTls config = one_shop();
  config.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
  config.cipher_suites = "TLS_CHACHA20_POLY1305_SHA256";
  config.groups = "P-384";
  Client client(GetParam());
  client.connect(*listener(config));
  ASSERT_TRUE(client.connected()) << client.peer->error();
  EXPECT_STREQ(SSL_get_cipher_name(client.peer->ssl()), GetParam() == TLS1_2_VERSION
                                                            ? config.ciphers.c_str()
                                                            : config.cipher_suites.c_str());
}

TEST_P(ServerContextTest, ChoosesTheCipherItself) {
  Client client(GetParam());
  ASSERT_EQ(SSL_set_cipher_list(client.peer->ssl(), "ECDHE+AES256:ECDHE+AES128"), 1);
  client.connect(*listener(one_shop()));  // TLS 1.3: OpenSSL's clients have AES-256 first
  ASSERT_TRUE(client.connected()) << client.peer->error();
  EXPECT_THAT(SSL_get_cipher_name(client.peer->ssl()),
              testing::AnyOf(testing::StrEq("TLS_AES_128_GCM_SHA256"),
                             testing::StrEq("ECDHE-ECDSA-AES128-GCM-SHA256")));
}

TEST_P(ServerContextTest, UsesChaChaForClientsThatPreferIt) {
  Client client(GetParam());
  ASSERT_EQ(SSL_set_cipher_list(client.peer->ssl(), "ECDHE+CHACHA20:ECDHE+AES128"), 1);
  ASSERT_EQ(SSL_set_ciphersuites(client.peer->ssl(),
                                 "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"),
            1);
  client.connect(*listener(one_shop()));
  ASSERT_TRUE(client.connected()) << client.peer->error();
  EXPECT_THAT(SSL_get_cipher_name(client.peer->ssl()), HasSubstr("CHACHA20"));
}

TEST_F(ServerContextTest, SaysWhichSettingOpenSslDoesNotAccept) {
  conf::ListenerTls config = one_shop();
  config.ciphers = "NO-SUCH-CIPHER";
  EXPECT_EQ(make(config).error(), "ciphers: OpenSSL does not accept \"NO-SUCH-CIPHER\"");
  config = one_shop();
  config.cipher_suites = "TLS_NONE";
  EXPECT_EQ(make(config).error(), "cipher_suites: OpenSSL does not accept \"TLS_NONE\"");
  config = one_shop();
  config.groups = "X25519:nonsense";
  EXPECT_EQ(make(config).error(), "groups: OpenSSL does not accept \"X25519:nonsense\"");
  EXPECT_EQ(ERR_peek_error(), 0U) << "nothing is left for the next call";
}

TEST_F(ServerContextTest, SaysWhichCertificateOpenSslDoesNotAccept) {
  auto contents = std::make_shared<conf::CertificateContents>(*one_shop().certificates[0].contents);
  contents->key = authority().issue().key;  // of another certificate
  conf::ListenerTls config = one_shop();
  config.certificates[0].contents = contents;
  EXPECT_THAT(make(config).error(), HasSubstr("shop.pem: "));
}

// -- ALPN -----------------------------------------------------------------------------------------

TEST_P(ServerContextTest, ChoosesAProtocolThatBothSpeak) {
  const auto shop = listener(one_shop());
  const auto chosen_for = [&](std::string_view offered) {
    Client client(GetParam());
    SSL_set_alpn_protos(client.peer->ssl(), reinterpret_cast<const unsigned char*>(offered.data()),
                        static_cast<unsigned>(offered.size()));
    client.connect(*shop);
    if (!client.connected()) return client.peer->error();
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.peer->ssl(), &chosen, &size);
    return std::string(reinterpret_cast<const char*>(chosen), size);
  };
  EXPECT_EQ(chosen_for("\x02h2\x08http/1.1"), "http/1.1");
  EXPECT_EQ(chosen_for(""), "") << "nothing is offered";
  EXPECT_THAT(chosen_for("\x02h2"), HasSubstr("no application protocol"));
}

// -- Tickets --------------------------------------------------------------------------------------

class TicketTest : public ServerContextTest {
 protected:
  /// A session with a listener that shop.example asks for.
  [[nodiscard]] Session session_with(const ServerContext& listener,
                                     const std::string& name = "shop.example") const {
    Client client(GetParam());
    client.ask_for(name);
    client.connect(listener);
    EXPECT_TRUE(client.connected()) << client.peer->error();
    EXPECT_FALSE(client.resumed());
    return client.session();
  }
  [[nodiscard]] bool resumes(const Session& session, const ServerContext& listener,
                             const std::string& name = "shop.example") const {
    Client client(GetParam());
    client.ask_for(name);
    client.resume(session);
    client.connect(listener);
    EXPECT_TRUE(client.connected()) << client.peer->error();
    return client.resumed();
  }
};
INSTANTIATE_TEST_SUITE_P(All, TicketTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

TEST_P(TicketTest, AreGoodForAllWorkers) {
  const auto one = listener(one_shop());
  const Session session = session_with(*one);
  EXPECT_TRUE(resumes(session, *one));
  EXPECT_TRUE(resumes(session, *listener(one_shop())));
  const Library other;
  const auto worker = ServerContext::make(other, one_shop(), {"*:443", keys_});
  EXPECT_TRUE(resumes(session, **worker));
}

TEST_P(TicketTest, AreGoodForTwoRotations) {
  const auto shop = listener(one_shop());
  const Session session = session_with(*shop);
  auto keys = keys_;
  for (int rotation = 1; rotation <= 3; ++rotation) {
    keys = std::make_shared<const TicketKeys>(keys->rotated(WallTime{}));
    shop->set_ticket_keys(keys);
    EXPECT_EQ(resumes(session, *shop), rotation < 3) << rotation;
  }
}

TEST_P(TicketTest, EachResumptionOfTls13GivesANewOne) {
  if (GetParam() != TLS1_3_VERSION) return;
  const auto shop = listener(one_shop());
  Client client(GetParam());
  std::vector<Session> given;
  SSL_CTX_set_app_data(client.context.get(), &given);
  SSL_CTX_set_session_cache_mode(client.context.get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(client.context.get(), [](SSL* ssl, SSL_SESSION* session) {
    auto* const all =
        static_cast<std::vector<Session>*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    all->emplace_back(session);
    return 1;
  });
  client.ask_for("shop.example");
  client.connect(*shop);
  for (int i = 0; i < 5; ++i) {
    ASSERT_FALSE(given.empty()) << "none is left after " << i << " resumptions";
    const Session once = std::move(given.back());
    given.clear();
    client.make();
    client.ask_for("shop.example");
    client.resume(once);
    client.connect(*shop);
    EXPECT_TRUE(client.resumed());
  }
}

TEST_P(TicketTest, AreRenewedAfterARotation) {
  const auto shop = listener(one_shop());
  Session session = session_with(*shop);
  auto keys = keys_;
  for (int rotation = 1; rotation <= 6; ++rotation) {
    keys = std::make_shared<const TicketKeys>(keys->rotated(WallTime{}));
    shop->set_ticket_keys(keys);
    Client client(GetParam());
    client.ask_for("shop.example");
    client.resume(session);
    client.connect(*shop);
    EXPECT_TRUE(client.resumed()) << rotation;
    session = client.session();
  }
}

TEST_P(TicketTest, AreNotGoodWithOtherKeys) {
  const Session session = session_with(*listener(one_shop()));
  keys_ = std::make_shared<const TicketKeys>(WallTime{});
  EXPECT_FALSE(resumes(session, *listener(one_shop())));
}

TEST_P(TicketTest, AreNotGoodForAnotherListener) {
  const Session session = session_with(*listener(one_shop()));
  EXPECT_FALSE(resumes(session, *listener(one_shop(), "*:8443")));
}

TEST_P(TicketTest, AreNotGoodForAnotherHost) {
  const auto hosts = listener(three_hosts());
  const Session session = session_with(*hosts);
  EXPECT_TRUE(resumes(session, *hosts));
  EXPECT_FALSE(resumes(session, *hosts, "api.example"));
  EXPECT_FALSE(resumes(session, *hosts, "deep.api.example"));
  const Session api = session_with(*hosts, "api.example");
  EXPECT_FALSE(resumes(api, *hosts));
}

TEST_P(TicketTest, AreGoodAfterTheCertificateWasRenewed) {
  const Session session = session_with(*listener(one_shop()));
  conf::ListenerTls renewed;
  renewed.certificates = {certificate({"shop.example"})};
  EXPECT_TRUE(resumes(session, *listener(renewed)));
}

TEST_P(TicketTest, AreNotGoodAfterThePolicyForClientsHasChanged) {
  const Session session = session_with(*listener(one_shop()));
  conf::ListenerTls optional = one_shop();
  optional.client_certificates = ClientCertificates::optional;
  optional.client_ca.text = authority().certificate();
  EXPECT_FALSE(resumes(session, *listener(optional)));

  const Session checked = session_with(*listener(optional));
  EXPECT_TRUE(resumes(checked, *listener(optional)));
  EXPECT_FALSE(resumes(checked, *listener(one_shop())));
  conf::ListenerTls other_ca = optional;
  other_ca.client_ca.text = CertificateAuthority("Other Root").certificate();
  EXPECT_FALSE(resumes(checked, *listener(other_ca)));
}

TEST_P(TicketTest, AreNoWayAroundARequiredCertificate) {
  conf::ListenerTls config = one_shop();
  config.client_certificates = ClientCertificates::optional;
  config.client_ca.text = authority().certificate();
  const Session session = session_with(*listener(config));
  config.client_certificates = ClientCertificates::required;
  Client client(GetParam());
  client.ask_for("shop.example");
  client.resume(session);
  client.connect(*listener(config));
  EXPECT_FALSE(client.connected());
}

// -- OCSP -----------------------------------------------------------------------------------------

class StaplingTest : public ServerContextTest {
 protected:
  /// For the first certificate of two for one name, ECDSA and RSA.
  [[nodiscard]] std::shared_ptr<ServerContext> stapling(WallTime next_update) const {
    conf::ListenerTls config;
    config.certificates = {certificate({"shop.example"}),
                           certificate({"shop.example"}, KeyKind::rsa_2048),
                           certificate({"other.example"})};
    config.ocsp_response.path = "shop.ocsp";
    config.ocsp_response.response = "the response";
    config.ocsp_response.next_update = next_update;
    return listener(config);
  }
  /// What a client gets that asks for a response.
  [[nodiscard]] std::string stapled(const ServerContext& shop, const std::string& name,
                                    const char* algorithms = "ECDSA+SHA256") const {
    Client client(GetParam());
    client.ask_for(name);
    EXPECT_EQ(SSL_set1_sigalgs_list(client.peer->ssl(), algorithms), 1);
    EXPECT_EQ(SSL_set_tlsext_status_type(client.peer->ssl(), TLSEXT_STATUSTYPE_ocsp), 1);
    client.connect(shop);
    EXPECT_TRUE(client.connected()) << client.peer->error();
    const unsigned char* response = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(client.peer->ssl(), &response);
    if (size < 0) return "";
    return {reinterpret_cast<const char*>(response), static_cast<std::size_t>(size)};
  }

  const WallTime now_ = SystemClock().wall();
};
INSTANTIATE_TEST_SUITE_P(All, StaplingTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

TEST_P(StaplingTest, WhoAsksGetsItWithItsCertificate) {
  const auto shop = stapling(now_ + std::chrono::hours{1});
  EXPECT_EQ(stapled(*shop, "shop.example"), "the response");
  EXPECT_EQ(stapled(*shop, "shop.example"), "the response") << "as often as asked for";
  EXPECT_EQ(stapled(*shop, "shop.example", "RSA-PSS+SHA256:RSA+SHA256"), "");
  EXPECT_EQ(stapled(*shop, "other.example"), "");
}

TEST_P(StaplingTest, ItIsNotSentWhenItHasEnded) {
  EXPECT_EQ(stapled(*stapling(now_ - Millis{1}), "shop.example"), "");
}

// -- Client certificates --------------------------------------------------------------------------

class ClientCertificateTest : public ServerContextTest {
 protected:
  [[nodiscard]] std::shared_ptr<ServerContext> with_policy(
      ClientCertificates policy, conf::ListenerTls config = one_shop()) const {
    config.client_certificates = policy;
    config.client_ca.text = authority().certificate();
    return listener(config);
  }
  /// The name that the listener knows a client by who shows `own`; or why it is refused.
  [[nodiscard]] std::string known_as(ClientCertificates policy,
                                     const IssuedCertificate* own) const {
    Client client(GetParam());
    if (own != nullptr) show(*client.context, *own);
    client.make();
    client.connect(*with_policy(policy));
    if (!client.connected()) return client.peer->error();
    return common_name(SSL_get0_peer_certificate(client.server->ssl()));
  }

  const IssuedCertificate alice_ = authority().issue({.names = {"alice"}});
  const IssuedCertificate mallory_ = CertificateAuthority("Other Root").issue({.names = {"alice"}});
};
INSTANTIATE_TEST_SUITE_P(All, ClientCertificateTest,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), version_name);

TEST_P(ClientCertificateTest, AreNotAskedForByDefault) {
  EXPECT_EQ(known_as(ClientCertificates::none, &alice_), "none");
  EXPECT_EQ(known_as(ClientCertificates::none, nullptr), "none");
}

TEST_P(ClientCertificateTest, MayBeOptional) {
  EXPECT_EQ(known_as(ClientCertificates::optional, &alice_), "alice");
  EXPECT_EQ(known_as(ClientCertificates::optional, nullptr), "none");
  EXPECT_THAT(known_as(ClientCertificates::optional, &mallory_), HasSubstr("unknown ca"));
}

TEST_P(ClientCertificateTest, MayBeRequired) {
  EXPECT_EQ(known_as(ClientCertificates::required, &alice_), "alice");
  EXPECT_THAT(
      known_as(ClientCertificates::required, nullptr),
      HasSubstr(GetParam() == TLS1_2_VERSION ? "handshake failure" : "certificate required"));
  EXPECT_THAT(known_as(ClientCertificates::required, &mallory_), HasSubstr("unknown ca"));
}

TEST_P(ClientCertificateTest, MustNotHaveExpired) {
  using std::chrono::hours;
  const auto expired =
      authority().issue({.names = {"alice"}, .starts = hours{-72}, .ends = hours{-24}});
  EXPECT_THAT(known_as(ClientCertificates::required, &expired), HasSubstr("expired"));
}

TEST_P(ClientCertificateTest, AreRememberedInTickets) {
  const auto shop = with_policy(ClientCertificates::required);
  Client first(GetParam());
  show(*first.context, alice_);
  first.make();
  first.connect(*shop);
  ASSERT_TRUE(first.connected()) << first.peer->error();
  Client second(GetParam());
  second.resume(first.session());
  second.connect(*shop);
  ASSERT_TRUE(second.connected()) << second.peer->error();
  EXPECT_TRUE(second.resumed());
  EXPECT_EQ(common_name(SSL_get0_peer_certificate(second.server->ssl())), "alice");
}

/// A ticket has the client's certificate, but not those of its issuers.
TEST_P(ClientCertificateTest, AreShownAgainWhereNodesGetTheirIssuers) {
  conf::ListenerTls config = one_shop();
  config.client_cert_chain = true;
  const auto shop = with_policy(ClientCertificates::optional, config);
  for (const IssuedCertificate* own : {&alice_, static_cast<const IssuedCertificate*>(nullptr)}) {
    Client first(GetParam());
    if (own != nullptr) show(*first.context, *own);
    first.make();
    first.connect(*shop);
    ASSERT_TRUE(first.connected()) << first.peer->error();
    Client second(GetParam());
    if (own != nullptr) show(*second.context, *own);
    second.make();
    second.resume(first.session());
    second.connect(*shop);
    ASSERT_TRUE(second.connected()) << second.peer->error();
    EXPECT_EQ(second.resumed(), own == nullptr);
    EXPECT_EQ(sk_X509_num(SSL_get0_verified_chain(second.server->ssl())), own == nullptr ? -1 : 2);
  }
}

/// At the first handshake the listener believes that it is the day before yesterday.
TEST_P(ClientCertificateTest, MustNotHaveExpiredWhenASessionIsResumed) {
  using std::chrono::hours;
  const auto shop = with_policy(ClientCertificates::required);
  Client first(GetParam());
  show(*first.context, authority().issue({{"alice"}, KeyKind::ecdsa_p256, hours{-72}, hours{-24}}));
  first.make();
  Connection connection = shop->accept();
  X509_VERIFY_PARAM_set_time(SSL_get0_param(connection.ssl.get()), std::time(nullptr) - 48L * 3600);
  first.connect(std::move(connection));
  ASSERT_TRUE(first.connected()) << first.peer->error();
  Client second(GetParam());
  second.resume(first.session());
  second.connect(*shop);
  EXPECT_FALSE(second.connected() && second.resumed());
}

}  // namespace
}  // namespace bonedry::tls::test
