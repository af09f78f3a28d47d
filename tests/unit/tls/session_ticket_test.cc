// Which sessions are resumed, where and for how long.
#include "proxy/tls/server_context.h"
#include "proxy/tls/ticket_data.h"
#include "tests/unit/tls/server_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::tls::test {
namespace {

using bonedry::test::CertificateAuthority;
using conf::ClientCertificates;

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
INSTANTIATE_TEST_SUITE_P(All, TicketTest, kBothVersions, version_name);

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

TEST_P(TicketTest, AreNotGoodForCiphersThatAreNoLongerAllowed) {
  conf::ListenerTls config = one_shop();
  config.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
  config.cipher_suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
  const Session session = session_with(*listener(config));
  EXPECT_TRUE(resumes(session, *listener(config)));
  config.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  config.cipher_suites = "TLS_AES_128_GCM_SHA256";
  EXPECT_FALSE(resumes(session, *listener(config)));
}

TEST_P(TicketTest, ThatAreRenewedEndWithTheFirst) {
  const auto shop = listener(one_shop());
  const auto data_of = [](const Client& client) {
    void* data = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket_appdata(SSL_get_session(client.server->ssl()), &data, &size);
    return std::string(static_cast<const char*>(data), size);
  };
  Client first(GetParam());
  first.ask_for("shop.example");
  first.connect(*shop);
  const auto started = TicketData::parse(data_of(first));
  ASSERT_TRUE(started);
  EXPECT_EQ(started->host.size(), 32U) << "a hash, since a certificate may have many names";
  Session session = first.session();
  for (int i = 0; i < 3; ++i) {
    Client next(GetParam());
    next.ask_for("shop.example");
    next.resume(session);
    next.connect(*shop);
    ASSERT_TRUE(next.resumed()) << i;
    EXPECT_EQ(data_of(next), data_of(first)) << i;
    session = next.session();
  }
}

TEST(TicketDataTest, IsGoodForADay) {
  const TicketData data{WallTime{1'000'000}, "shop.example"};
  EXPECT_TRUE(data.is_fresh(data.started));
  EXPECT_TRUE(data.is_fresh(data.started + std::chrono::hours{24} - Millis{1}));
  EXPECT_FALSE(data.is_fresh(data.started + std::chrono::hours{24}));
  EXPECT_FALSE(data.is_fresh(data.started - Millis{1})) << "the clock was set back";
}

TEST(TicketDataTest, IsReadAsItWasWritten) {
  const TicketData data{WallTime{1'000'000}, "shop.example *.shop.example "};
  const auto read = TicketData::parse(data.serialize());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->started, data.started);
  EXPECT_EQ(read->host, data.host);
  for (const char* text : {"", " ", "12", "x shop", " 12 shop", "99999999999999999999 shop"}) {
    EXPECT_FALSE(TicketData::parse(text)) << text;
  }
}

TEST_P(TicketTest, KnowTheNameThatTheClientAskedFor) {
  const auto shop = listener(one_shop());
  const Session session = session_with(*shop, "other.example");
  Client client(GetParam());
  client.ask_for("other.example");
  client.resume(session);
  client.connect(*shop);
  EXPECT_TRUE(client.resumed());
  EXPECT_STREQ(SSL_get_servername(client.server->ssl(), TLSEXT_NAMETYPE_host_name),
               "other.example");
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

}  // namespace
}  // namespace bonedry::tls::test
