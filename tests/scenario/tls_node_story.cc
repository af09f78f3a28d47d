// Nodes that speak TLS: who is trusted, and that a user notices nothing of it.
#include "tests/scenario/story.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

std::string receive_text(Socket& socket, std::size_t size) {
  std::string text;
  std::array<char, 256> piece{};
  while (text.size() < size) {
    const std::size_t more =
        socket.receive(piece.data(), std::min(piece.size(), size - text.size()));
    if (more == 0) throw UnexpectedEnd("closed after: " + text);
    text.append(piece.data(), more);
  }
  return text;
}

/// Alice and Bob speak TLS and have certificates for shop.internal.
class TlsNodeStory : public ShopStory {
 protected:
  TlsNodeStory() {
    files_.write("ca.pem", ca_.certificate());
    for (FakeNode* const node : {&alice_, &bob_}) node->serve_tls(certificate_for("shop.internal"));
  }

  [[nodiscard]] TlsServer certificate_for(const std::string& name) const {
    const IssuedCertificate issued = ca_.issue({.names = {name}});
    return {.certificate = issued.certificate, .key = issued.key};
  }
  [[nodiscard]] std::string ca() const { return "ca = \"" + (files_ / "ca.pem") + "\""; }
  [[nodiscard]] static std::string tls(const std::vector<std::string>& keys) {
    std::string table = "tls = {";
    for (const std::string& key : keys) table += (table.ends_with('{') ? " " : ", ") + key;
    return table + " }";
  }
  /// With more keys of the pool.
  [[nodiscard]] TestConfig secure(std::vector<std::string> keys = {}) const {
    keys.push_back(tls({ca(), R"(server_name = "shop.internal")"}));
    return config({}, std::move(keys));
  }
  [[nodiscard]] bool eventually_says(const std::string& text) const {
    return eventually([&] { return bonedry_->err().find(text) != std::string::npos; });
  }
  /// Nobody is served, and the log says why.
  void expect_nobody_served(const std::string& why) const {
    HttpClient client{bonedry_->address()};
    EXPECT_THAT(client.get("/").status, AnyOf(502, 503));
    EXPECT_TRUE(eventually_says(why)) << why;
    EXPECT_EQ(alice_.requests() + bob_.requests(), 0U);
  }

  CertificateAuthority ca_;
  TemporaryDirectory files_;
};

INSTANTIATE_TEST_SUITE_P(Workers, TlsNodeStory, worker_counts(), name_of_workers);

TEST_P(TlsNodeStory, UsersAreServedBledAndCountedAsOverPlainConnections) {
  TestConfig shop = secure();
  shop.pools[0].session = {"idle_timeout = \"2s\""};
  launch(shop);
  User anna = live_user_on(alice_);
  order("bleed alice");
  for (int i = 0; i < 5; ++i) {
    User newcomer{bonedry_->address()};
    EXPECT_EQ(newcomer.click().status, 200);
    EXPECT_EQ(newcomer.node(), "bob");
  }
  EXPECT_EQ(anna.click().status, 200);
  EXPECT_EQ(anna.node(), "alice");
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_TRUE(eventually_dry(alice_, kDeadline * 2));
  EXPECT_EQ(node(alice_).moved, 0);
  ASSERT_FALSE(alice_.handshakes().empty());
  EXPECT_EQ(alice_.handshakes().front().version, "TLSv1.3");
  EXPECT_EQ(alice_.handshakes().front().server_name, "shop.internal");
}

TEST_P(TlsNodeStory, LongBodiesPassBothWays) {
  const std::string upload(3'000'000, 'u');
  const std::string page(5'000'000, 'p');
  for (FakeNode* const node : {&alice_, &bob_}) {
    node->on("/long", [&page](NodeExchange& exchange) {
      exchange.read_body();
      exchange.respond(200, page);
    });
  }
  launch(secure());
  HttpClient client{bonedry_->address()};
  for (int i = 0; i < 3; ++i) {
    const Response sent = client.exchange({.method = "POST", .target = "/up", .body = upload});
    EXPECT_EQ(sent.status, 200);
    EXPECT_THAT(sent.body, HasSubstr(sha256(upload)));
    const Response got = client.get("/long");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body_size, page.size());
    EXPECT_TRUE(got.body == page.substr(0, Response::kKeptBody));
  }
}

TEST_P(TlsNodeStory, ConnectionsAreReused) {
  alice_.on("/long",
            [](NodeExchange& exchange) { exchange.respond(200, std::string(100'000, 'p')); });
  launch(shop(workers(), {alice_}, {}, {tls({ca(), R"(server_name = "shop.internal")"})}));
  HttpClient client{bonedry_->address()};
  for (int i = 0; i < 5; ++i) {
    for (const std::string target : {"/", "/long"}) EXPECT_EQ(client.get(target).status, 200);
    const Response posted = client.exchange({.method = "POST", .target = "/", .body = "hi"});
    EXPECT_EQ(posted.status, 200);
  }
  EXPECT_EQ(alice_.connections(), 1U);
}

TEST_P(TlsNodeStory, SessionsAreResumed) {
  launch(secure({"reuse = \"never\""}));
  HttpClient client{bonedry_->address()};
  User user = live_user_on(alice_);
  EXPECT_TRUE(eventually([&] {
    user.click();
    return alice_.handshakes().back().resumed;
  }));
  EXPECT_GT(alice_.handshakes().size(), 2U);
  alice_.serve_tls(certificate_for("shop.internal"));
  EXPECT_EQ(user.click().status, 200) << "a node that has forgotten it gets a full handshake";
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(TlsNodeStory, WhoHasAnotherNameIsNoNodeOfOurs) {
  for (FakeNode* const node : {&alice_, &bob_}) node->serve_tls(certificate_for("evil.internal"));
  launch(secure());
  expect_nobody_served("certificate verify failed: hostname mismatch");
}

TEST_P(TlsNodeStory, WithoutANameTheAddressIsVerified) {
  launch(config({}, {tls({ca()})}));
  expect_nobody_served("certificate verify failed: IP address mismatch");
  for (FakeNode* const node : {&alice_, &bob_}) node->serve_tls(certificate_for("127.0.0.1"));
  EXPECT_TRUE(
      eventually([this] { return HttpClient{bonedry_->address()}.get("/").status == 200; }));
  EXPECT_EQ((alice_.handshakes().empty() ? bob_ : alice_).handshakes().back().server_name, "");
}

TEST_P(TlsNodeStory, AnUnknownIssuerIsNotTrustedUnlessToldSo) {
  launch(config({}, {tls({R"(server_name = "shop.internal")"})}));
  expect_nobody_served("certificate verify failed: unable to get local issuer certificate");
  bonedry_->configure(config({}, {tls({"verify = false"})}));
  order("reload");
  EXPECT_TRUE(eventually_says("pool[shop].tls.verify"));
  EXPECT_TRUE(
      eventually([this] { return HttpClient{bonedry_->address()}.get("/").status == 200; }));
}

TEST_P(TlsNodeStory, ANodeThatSpeaksPlainHttpGetsNothing) {
  ListeningPort port;
  port.open();
  launch(shop(workers(), {{"alice", port.address()}}, {}, {tls({"verify = false"})}));
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/secret"}.to_wire());
  Socket node = port.accept(kDeadline);
  EXPECT_EQ(receive_text(node, 1), "\x16") << "a handshake record";
  node.send_all("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client.read_response().status, AnyOf(502, 503));
  EXPECT_TRUE(
      eventually_says("node shop/alice (" + port.address() + "): TLS: wrong version number"));
}

TEST_P(TlsNodeStory, ANodeMayAskForOurCertificate) {
  TlsServer asking = certificate_for("shop.internal");
  asking.client_ca = ca_.certificate();
  for (FakeNode* const node : {&alice_, &bob_}) node->serve_tls(asking);
  launch(secure());
  HttpClient client{bonedry_->address()};
  EXPECT_THAT(client.get("/").status, AnyOf(502, 503));
  EXPECT_EQ(alice_.requests() + bob_.requests(), 0U);
  const IssuedCertificate ours = ca_.issue({.names = {"proxy.internal"}});
  files_.write("proxy.pem", ours.certificate);
  files_.write("proxy.key", ours.key);
  bonedry_->configure(config({}, {tls({ca(), R"(server_name = "shop.internal")",
                                       "certificate = \"" + (files_ / "proxy.pem") + "\"",
                                       "key = \"" + (files_ / "proxy.key") + "\""})}));
  order("reload");
  EXPECT_TRUE(
      eventually([this] { return HttpClient{bonedry_->address()}.get("/").status == 200; }));
}

TEST_P(TlsNodeStory, AfterAReloadNoConnectionIsUsedThatWasMadeWithTheOldSettings) {
  launch(secure());
  HttpClient client{bonedry_->address()};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.get("/").status, 200);
  const std::size_t served = alice_.requests() + bob_.requests();
  files_.write("ca.pem", CertificateAuthority{"Another"}.certificate());
  order("reload");
  for (int i = 0; i < 4; ++i) EXPECT_THAT(client.get("/").status, AnyOf(502, 503));
  EXPECT_EQ(alice_.requests() + bob_.requests(), served);
}

TEST_P(TlsNodeStory, ABodyThatIsCutIsNotWhole) {
  for (FakeNode* const node : {&alice_, &bob_}) {
    node->on("/cut", [](NodeExchange& exchange) {
      exchange.send("HTTP/1.1 200 OK\r\nX-Node: a\r\nConnection: close\r\n\r\nonly half of");
      ::shutdown(exchange.socket().fd(), SHUT_RDWR);  // without a close_notify
      exchange.close_after();
    });
    node->on("/whole", answering_and_closing("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole"));
  }
  launch(secure());
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/whole").body, "whole");
  HttpClient other{bonedry_->address()};
  const Response cut = other.get("/cut");
  EXPECT_EQ(cut.body, "only half of");
  EXPECT_FALSE(cut.complete());
}

TEST_P(TlsNodeStory, ANodeThatDoesNotFinishTheHandshakeIsNotWaitedFor) {
  ListeningPort silent;
  silent.open();
  TestConfig shop = test::shop(workers(), {{"alice", silent.address()}, bob_}, {},
                               {tls({ca(), R"(server_name = "shop.internal")"})});
  shop.timeouts = {"connect = \"300ms\""};
  launch(shop);
  for (int i = 0; i < 3; ++i) {
    User user{bonedry_->address()};
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
}

TEST_P(TlsNodeStory, HealthChecksSpeakTlsToo) {
  TestConfig shop = secure();
  shop.pools[0].health = {"path = \"/health\"", "interval = \"50ms\"", "rise = 1", "fall = 1"};
  launch(shop);
  EXPECT_TRUE(eventually([this] { return node(alice_).health == "up"; }));
  EXPECT_GT(alice_.requests_for("/health"), 0U);
  alice_.serve_tls(certificate_for("evil.internal"));
  alice_.drop_connections();
  EXPECT_TRUE(eventually([this] { return node(alice_).health == "down"; }));
  EXPECT_EQ(node(bob_).health, "up");
  EXPECT_TRUE(eventually_says("certificate verify failed: hostname mismatch"));
  EXPECT_EQ(User{bonedry_->address()}.click().headers.get("X-Node"), "bob");
}

TEST_P(TlsNodeStory, TunnelsPassBothWays) {
  for (FakeNode* const node : {&alice_, &bob_}) {
    node->on("/tunnel", [](NodeExchange& exchange) {
      exchange.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      exchange.send("<" + receive_text(exchange.socket(), 4) + ">");
      exchange.close_after();
    });
  }
  launch(secure());
  HttpClient client{bonedry_->address()};
  client.send(
      Request{.target = "/tunnel", .headers = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}}
          .to_wire());
  std::string head;
  while (!head.ends_with("\r\n\r\n")) head += receive_text(client.socket(), 1);
  EXPECT_THAT(head, testing::StartsWith("HTTP/1.1 101 "));
  client.send("ping");
  EXPECT_EQ(client.socket().receive_all(), "<ping>");
}

TEST_P(TlsNodeStory, TheProxyHeaderComesBeforeTheHandshake) {
  ListeningPort port;
  port.open();
  TestConfig shop =
      test::shop(workers(), {{"alice", port.address()}}, {},
                 {"proxy_protocol = \"v1\"", tls({ca(), R"(server_name = "shop.internal")"})});
  launch(shop);
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/"}.to_wire());
  Socket node = port.accept(kDeadline);
  std::string line;
  while (!line.ends_with('\n')) line += receive_text(node, 1);
  EXPECT_THAT(line, testing::StartsWith("PROXY TCP4 127.0.0.1 127.0.0.1 "));
  node.accept_tls(certificate_for("shop.internal"));
  EXPECT_EQ(receive_text(node, 4), "GET ");
}

}  // namespace
}  // namespace bonedry::test
