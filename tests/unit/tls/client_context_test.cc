#include "proxy/tls/client_context.h"

#include "proxy/tls/loop_tls.h"
#include "tests/unit/tls/memory_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::tls::test {
namespace {

using bonedry::test::CertificateAuthority;
using bonedry::test::CertificateSpec;
using bonedry::test::IssuedCertificate;
using std::chrono::hours;
using testing::HasSubstr;

/// The authority of the nodes.
const CertificateAuthority& inside() {
  static const CertificateAuthority kInside{"Inside"};
  return kInside;
}

conf::PoolTls trusting(const CertificateAuthority& authority) {
  conf::PoolTls config;
  config.ca = {"ca.pem", authority.certificate()};
  return config;
}

/// A node, and one handshake of ours with it.
class Node {
 public:
  Node(int version, const IssuedCertificate& own) : context_(server_context(version, own)) {
    SSL_CTX_set_session_id_context(context_.get(), reinterpret_cast<const unsigned char*>("n"), 1);
  }

  /// "" if it succeeds, otherwise why not.
  std::string meet(Connection connection) {
    peer_ = std::make_unique<MemoryPeer>(*context_, Role::server);
    client_ = std::make_unique<MemoryPeer>(std::move(connection));
    shake_hands(*client_, *peer_);
    if (client_->is_open() && peer_->is_open()) return "";
    const long verified = SSL_get_verify_result(client_->ssl());
    return verified == X509_V_OK ? client_->error() + peer_->error()
                                 : X509_verify_cert_error_string(verified);
  }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(client_->ssl()) == 1; }
  [[nodiscard]] std::string asked_for() const {
    const char* const name = SSL_get_servername(peer_->ssl(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  [[nodiscard]] SSL_CTX& context() { return *context_; }

 private:
  SslContext context_;
  std::unique_ptr<MemoryPeer> peer_;
  std::unique_ptr<MemoryPeer> client_;
};

class ClientContextTest : public testing::TestWithParam<int> {
 protected:
  [[nodiscard]] std::shared_ptr<const ClientContext> make(const conf::PoolTls& config) const {
    const auto made = ClientContext::make(library_, config);
    EXPECT_TRUE(made) << made.error();
    return *made;
  }
  /// A first handshake with a node that has this certificate.
  [[nodiscard]] std::string meet(const conf::PoolTls& config, const CertificateSpec& spec,
                                 const std::string& name) const {
    Node node(GetParam(), inside().issue(spec));
    return node.meet(ClientTarget(make(config), name).connect());
  }

  Library library_;
};
INSTANTIATE_TEST_SUITE_P(All, ClientContextTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const testing::TestParamInfo<int>& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(ClientContextTest, ANodeMustHaveTheName) {
  const conf::PoolTls config = trusting(inside());
  EXPECT_EQ(meet(config, {.names = {"shop.internal"}}, "shop.internal"), "");
  EXPECT_EQ(meet(config, {.names = {"*.shop.internal"}}, "a.shop.internal"), "");
  EXPECT_EQ(meet(config, {.names = {"other.internal"}}, "shop.internal"), "hostname mismatch");
  EXPECT_EQ(meet(config, {.names = {"*.shop.internal"}}, "a.b.shop.internal"), "hostname mismatch");
  EXPECT_EQ(meet(config, {.names = {"a*.shop.internal"}}, "ab.shop.internal"), "hostname mismatch");
}

TEST_P(ClientContextTest, AnAddressIsANameToo) {
  const conf::PoolTls config = trusting(inside());
  EXPECT_EQ(meet(config, {.names = {"10.0.0.7"}}, "10.0.0.7"), "");
  EXPECT_EQ(meet(config, {.names = {"fd00::7"}}, "fd00::7"), "");
  EXPECT_EQ(meet(config, {.names = {"10.0.0.8"}}, "10.0.0.7"), "IP address mismatch");
  EXPECT_EQ(meet(config, {.names = {"shop.internal"}}, "10.0.0.7"), "IP address mismatch");
}

TEST_P(ClientContextTest, ACommonNameIsNoName) {
  EXPECT_EQ(meet(trusting(inside()), {.names = {}}, "shop.example"), "hostname mismatch");
}

TEST_P(ClientContextTest, ItsCertificateMustBeValidAndOfATrustedIssuer) {
  const CertificateSpec spec{.names = {"shop.internal"}};
  EXPECT_EQ(meet(trusting(CertificateAuthority{"Outside"}), spec, "shop.internal"),
            "unable to get local issuer certificate");
  EXPECT_EQ(meet(conf::PoolTls{}, spec, "shop.internal"), "unable to get local issuer certificate")
      << "the system does not know it";
  EXPECT_EQ(
      meet(trusting(inside()),
           {.names = {"shop.internal"}, .starts = hours{-48}, .ends = hours{-1}}, "shop.internal"),
      "certificate has expired");
  EXPECT_EQ(
      meet(trusting(inside()), {.names = {"shop.internal"}, .starts = hours{1}, .ends = hours{48}},
           "shop.internal"),
      "certificate is not yet valid");
}

TEST_P(ClientContextTest, WithoutVerificationAnythingGoes) {
  conf::PoolTls config;
  config.verify = false;
  EXPECT_EQ(meet(config, {.names = {"other"}, .ends = hours{-1}}, "shop.internal"), "");
}

TEST_P(ClientContextTest, ANodeIsAskedForTheNameButNotForAnAddress) {
  Node node(GetParam(), inside().issue({.names = {"shop.internal", "10.0.0.7"}}));
  EXPECT_EQ(node.meet(ClientTarget(make(trusting(inside())), "shop.internal").connect()), "");
  EXPECT_EQ(node.asked_for(), "shop.internal");
  EXPECT_EQ(node.meet(ClientTarget(make(trusting(inside())), "10.0.0.7").connect()), "");
  EXPECT_EQ(node.asked_for(), "") << "RFC 6066, 3";
}

TEST_P(ClientContextTest, OurCertificateIsShownToANodeThatAsks) {
  Node node(GetParam(), inside().issue({.names = {"shop.internal"}}));
  const auto issuers = parse_certificates(inside().certificate(), nullptr);
  for (const X509Certificate& issuer : *issuers) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(&node.context()), issuer.get());
  }
  SSL_CTX_set_verify(&node.context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  conf::PoolTls config = trusting(inside());
  EXPECT_THAT(node.meet(ClientTarget(make(config), "shop.internal").connect()),
              HasSubstr("peer did not return a certificate"));
  config.certificate = to_config(inside().issue({.names = {"proxy"}}), {"proxy"});
  EXPECT_EQ(node.meet(ClientTarget(make(config), "shop.internal").connect()), "");
}

TEST_P(ClientContextTest, TheNextConnectionResumes) {
  Node node(GetParam(), inside().issue({.names = {"shop.internal"}}));
  const auto context = make(trusting(inside()));
  const ClientTarget target(context, "shop.internal");
  EXPECT_EQ(node.meet(target.connect()), "");
  EXPECT_FALSE(node.resumed());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(node.meet(target.connect()), "");
    EXPECT_TRUE(node.resumed()) << i;
  }
  EXPECT_EQ(node.meet(ClientTarget(context, "shop.internal").connect()), "");
  EXPECT_FALSE(node.resumed()) << "another node, or the same with another trust";
}

TEST_F(ClientContextTest, FewSessionsAreKeptAndTheNewestGoFirst) {
  ClientSessions sessions;
  std::vector<SSL_SESSION*> put;
  for (std::size_t i = 0; i < ClientSessions::kMax + 3; ++i) {
    SslSession session{SSL_SESSION_new()};
    SSL_SESSION_set_protocol_version(session.get(), TLS1_3_VERSION);
    put.push_back(session.get());
    sessions.put(std::move(session));
  }
  for (std::size_t i = 0; i < ClientSessions::kMax; ++i) {
    EXPECT_EQ(sessions.take().get(), put[put.size() - 1 - i]);
  }
  EXPECT_EQ(sessions.take(), nullptr);
}

TEST_F(ClientContextTest, ContextsLastAsLongAsTheirSettings) {
  LoopTls tls;
  conf::Pool pool;
  pool.name = "shop";
  EXPECT_EQ(tls.client_context(pool), nullptr);
  pool.tls = trusting(inside());
  const auto first = tls.client_context(pool);
  EXPECT_EQ(tls.client_context(pool), first);
  pool.tls->server_name = "shop.internal";
  EXPECT_NE(tls.client_context(pool), first);
  conf::Pool other = pool;
  other.name = "other";
  EXPECT_NE(tls.client_context(other), tls.client_context(pool));
}

}  // namespace
}  // namespace bonedry::tls::test
