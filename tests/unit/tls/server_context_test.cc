#include "proxy/tls/server_context.h"

#include "tests/unit/tls/server_rig.h"

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

INSTANTIATE_TEST_SUITE_P(All, ServerContextTest, kBothVersions, version_name);

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

TEST_P(ServerContextTest, AClientForOneTypeOfKeyFindsItWhateverElseTheCertificatesAreFor) {
  conf::ListenerTls config;
  config.certificates = {certificate({"shop.example", "www.shop.example"}),
                         certificate({"shop.example"}, KeyKind::rsa_2048)};
  Client client(GetParam());
  client.ask_for("shop.example");
  SSL_set1_sigalgs_list(client.peer->ssl(), "RSA-PSS+SHA256:RSA+SHA256");
  client.connect(*listener(config));
  EXPECT_TRUE(client.connected()) << client.peer->error();
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

TEST_F(ServerContextTest, DoesNotAcceptWeakCiphersFromTheConfigEither) {
  conf::ListenerTls config = one_shop();
  config.ciphers = "aNULL:@SECLEVEL=0";
  EXPECT_EQ(make(config).error(), "ciphers: OpenSSL does not accept \"aNULL:@SECLEVEL=0\"");
  config.ciphers = "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0";
  EXPECT_FALSE(make(config));
  config.ciphers = "ALL:@SECLEVEL=0";
  Client client(TLS1_2_VERSION);
  ASSERT_EQ(SSL_set_cipher_list(client.peer->ssl(), "aNULL:@SECLEVEL=0"), 1);
  client.connect(*listener(config));
  EXPECT_FALSE(client.connected());
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
  EXPECT_EQ(chosen_for("\x08http/1.1\x02h2"), "h2") << "our order counts";
  EXPECT_EQ(chosen_for("\x08http/1.1"), "http/1.1");
  EXPECT_EQ(chosen_for(""), "") << "nothing is offered";
  EXPECT_THAT(chosen_for("\x02h3"), HasSubstr("no application protocol"));
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
INSTANTIATE_TEST_SUITE_P(All, StaplingTest, kBothVersions, version_name);

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
INSTANTIATE_TEST_SUITE_P(All, ClientCertificateTest, kBothVersions, version_name);

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

TEST_P(ClientCertificateTest, MayBeOfAnIntermediateAuthorityThatIsTrustedAlone) {
  const CertificateAuthority staff = authority().intermediate("Staff");
  conf::ListenerTls config = one_shop();
  config.client_certificates = ClientCertificates::required;
  config.client_ca.text = staff.certificate();
  const auto shop = listener(config);
  Client client(GetParam());
  show(*client.context, staff.issue({.names = {"alice"}}));
  client.make();
  client.connect(*shop);
  EXPECT_TRUE(client.connected()) << client.peer->error();
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
