// Clients that speak TLS: the same users, sessions and bleeds as without, and what TLS adds.
#include "tests/scenario/story.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kLoggedResumption = R"("resumed":true)";

/// Alice and Bob behind a listener that speaks TLS as shop.example.
class TlsStory : public ShopStory {
 protected:
  TlsStory() { install(ca_.issue()); }

  /// Puts the certificate where the config expects it, as an operator would: the key first.
  void install(const IssuedCertificate& issued) const {
    files_.write("shop.key", issued.key);
    files_.write("shop.pem", issued.certificate);
    std::filesystem::permissions(files_ / "shop.key", std::filesystem::perms::owner_read |
                                                          std::filesystem::perms::owner_write);
  }
  /// More keys for [listener.tls], as "key = value".
  [[nodiscard]] TestConfig tls_config(const std::vector<std::string>& keys = {}) const {
    TestConfig shop = config();
    shop.timeouts = {"shutdown = \"2s\"", "idle = \"2s\"", "handshake = \"1s\""};
    std::string tls = "tls = { certificates = [{ certificate = \"" + (files_ / "shop.pem") +
                      "\", key = \"" + (files_ / "shop.key") + "\" }]";
    for (const std::string& key : keys) tls += ", " + key;
    shop.pools[0].listener = {tls + " }"};
    return shop;
  }
  [[nodiscard]] TlsClient trusting() const { return {.ca = ca_.certificate()}; }
  [[nodiscard]] HttpClient connect() const { return HttpClient{bonedry_->address(), trusting()}; }
  [[nodiscard]] User visitor() const { return User{bonedry_->address(), trusting()}; }
  /// A user with a live session on that node.
  [[nodiscard]] User live_visitor_on(const FakeNode& node) const {
    for (int i = 0; i < 100; ++i) {
      User user = visitor();
      user.click();
      if (user.node() != node.name()) continue;
      user.click();
      return user;
    }
    throw std::runtime_error("no new user lands on " + node.name());
  }
  /// The session of a client that was served, for a later connection.
  [[nodiscard]] TlsSession session_of(const TlsClient& tls) const {
    HttpClient client{bonedry_->address(), tls};
    EXPECT_EQ(client.get("/").status, 200);
    return client.socket().take_session();
  }
  [[nodiscard]] bool resumes(TlsClient tls, TlsSession session) const {
    tls.session = std::move(session);
    HttpClient client{bonedry_->address(), tls};
    EXPECT_EQ(client.get("/").status, 200);
    return client.socket().session_reused();
  }
  [[nodiscard]] bool is_refused(const TlsClient& tls) const {
    try {
      HttpClient client{bonedry_->address(), tls};
      client.get("/");
      return false;
    } catch (const SocketError&) {
      return true;
    }
  }

  CertificateAuthority ca_;
  TemporaryDirectory files_;
};

INSTANTIATE_TEST_SUITE_P(Workers, TlsStory, worker_counts(), name_of_workers);

TEST_P(TlsStory, UsersStayOnABleedingNodeOverAnUpgradeUntilTheyLeave) {
  TestConfig shop = tls_config();
  shop.pools[0].session = {"idle_timeout = \"2s\""};
  launch(shop);
  User anna = live_visitor_on(alice_);
  order("bleed alice");
  for (int i = 0; i < 5; ++i) {
    User newcomer = visitor();
    EXPECT_EQ(newcomer.click().status, 200);
    EXPECT_EQ(newcomer.node(), "bob");
  }
  EXPECT_EQ(anna.click().status, 200);
  EXPECT_EQ(anna.node(), "alice");
  bonedry_->upgrade();
  EXPECT_EQ(anna.click().status, 200) << "on the connection to the old process";
  EXPECT_EQ(anna.node(), "alice");
  anna.disconnect();
  EXPECT_EQ(anna.click().status, 200) << "on a connection to the new process";
  EXPECT_EQ(anna.node(), "alice");
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_TRUE(eventually_dry(alice_, kDeadline * 2));
  EXPECT_EQ(node(alice_).moved, 0);
}

TEST_P(TlsStory, NodesBrowsersAndTheLogLearnOfIt) {
  launch(tls_config({"hsts = \"365d\""}));
  HttpClient client = connect();
  const Response page = client.get("/page");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.headers.get("Set-Cookie"), HasSubstr("; Secure"));
  EXPECT_EQ(page.headers.get("Strict-Transport-Security"), "max-age=31536000");
  const FakeNode& node = page.headers.get("X-Node") == "alice" ? alice_ : bob_;
  EXPECT_EQ(node.last("/page").headers.get("X-Forwarded-Proto"), "https");
  EXPECT_TRUE(eventually([this] { return bonedry_->out().find("/page") != std::string::npos; }));
  EXPECT_THAT(bonedry_->out(), HasSubstr(R"("tls_version":"TLSv1.3")"));
  EXPECT_THAT(bonedry_->out(), HasSubstr(R"("sni":"shop.example")"));
  EXPECT_EQ(bonedry_->status()["tls_handshakes"]["completed"], 1);
  client.send("GET bad HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  const Response refused = client.read_response();
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.headers.get("Strict-Transport-Security"), "max-age=31536000");
}

TEST_P(TlsStory, SessionsAreResumedByEveryWorkerAndOverAnUpgrade) {
  launch(tls_config());
  for (const std::string version : {"1.2", "1.3"}) {
    TlsClient tls = trusting();
    tls.maximum_version = version;
    const TlsSession session = session_of(tls);
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(resumes(tls, session)) << version;
  }
  TlsClient tls = trusting();
  const TlsSession session = session_of(tls);
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(resumes(tls, session));
}

TEST_P(TlsStory, ANewCertificateIsServedAfterAReloadAndABadOneChangesNothing) {
  launch(tls_config());
  HttpClient before = connect();
  EXPECT_EQ(before.get("/").status, 200);
  const IssuedCertificate next = ca_.issue({.names = {"shop.example", "next.example"}});
  install(next);
  order("reload");
  HttpClient after = connect();
  EXPECT_EQ(after.get("/").status, 200);
  EXPECT_EQ(after.socket().peer_certificate(), next.certificate);
  EXPECT_EQ(before.get("/").status, 200) << "nobody is disconnected";

  files_.write("shop.key", ca_.issue().key);
  EXPECT_THAT(bonedry_->admin("reload"),
              HasSubstr("shop.key: the private key does not belong to the certificate"));
  HttpClient still = connect();
  EXPECT_EQ(still.socket().peer_certificate(), next.certificate);
}

TEST_P(TlsStory, AnOcspResponseIsStapledUntilItEnds) {
  const IssuedCertificate shop = ca_.issue();
  install(shop);
  const std::string path = files_.write("shop.ocsp", ca_.ocsp_response(shop.certificate));
  launch(tls_config({"ocsp_response = \"" + path + "\""}));
  const auto asked = [this] {
    return run_program({"/bin/sh", "-c",
                        "openssl s_client -status -servername shop.example -connect " +
                            bonedry_->address() + " </dev/null 2>&1"})
        .out;
  };
  EXPECT_THAT(asked(), HasSubstr("OCSP Response Status: successful"));
  EXPECT_THAT(asked(), HasSubstr("Cert Status: good"));

  files_.write("shop.ocsp", ca_.ocsp_response(ca_.issue().certificate));
  order("reload");
  EXPECT_TRUE(bonedry_->says("shop.ocsp: is for none of the listener's certificates, so clients"));
  EXPECT_THAT(asked(), HasSubstr("OCSP response: no response sent"));
  files_.write("shop.ocsp", "nothing");
  EXPECT_THAT(bonedry_->admin("reload"), HasSubstr("shop.ocsp: is not an OCSP response in DER"));

  using std::chrono::seconds;
  files_.write("shop.ocsp", ca_.ocsp_response(shop.certificate, {.next_update = seconds{2}}));
  order("reload");
  EXPECT_TRUE(
      bonedry_->says("shop.ocsp: is no longer valid (nextUpdate), so clients do not get "
                     "it any more"));
  EXPECT_THAT(asked(), HasSubstr("OCSP response: no response sent"));
  order("reload");
  EXPECT_TRUE(
      bonedry_->says("shop.ocsp: is no longer valid (nextUpdate), so clients do not get it\n"));
  const std::string log = bonedry_->err();
  EXPECT_EQ(log.find("any more"), log.rfind("any more")) << "said once";
}

TEST_P(TlsStory, OldVersionsAndOtherAuthoritiesClientsAreRefused) {
  const CertificateAuthority staff("Staff");
  files_.write("staff.pem", staff.certificate());
  launch(
      tls_config({"client_certificates = \"required\"",
                  "client_ca = \"" + (files_ / "staff.pem") + "\"", "minimum_version = \"1.3\""}));
  TlsClient employee = trusting();
  const IssuedCertificate badge = staff.issue({.names = {"employee"}});
  employee.certificate = badge.certificate;
  employee.key = badge.key;
  EXPECT_FALSE(is_refused(employee));
  EXPECT_TRUE(resumes(employee, session_of(employee)));
  EXPECT_TRUE(is_refused(trusting()));
  TlsClient stranger = trusting();
  const IssuedCertificate other = ca_.issue({.names = {"employee"}});
  stranger.certificate = other.certificate;
  stranger.key = other.key;
  EXPECT_TRUE(is_refused(stranger));
  employee.maximum_version = "1.2";
  EXPECT_TRUE(is_refused(employee));
}

/// The part of a PEM text between its lines BEGIN and END, in one line.
std::string base64_of(const std::string& pem) {
  std::string text = pem.substr(pem.find('\n'), pem.rfind("-----END") - pem.find('\n'));
  std::erase(text, '\n');
  return text;
}

TEST_P(TlsStory, NodesGetTheCertificatesOfClients) {
  const CertificateAuthority staff("Staff");
  const CertificateAuthority office = staff.intermediate("Office");
  files_.write("staff.pem", staff.certificate());
  TestConfig shop = tls_config({"client_certificates = \"optional\"", "client_cert_chain = true",
                                "client_ca = \"" + (files_ / "staff.pem") + "\""});
  shop.server = {"trusted_proxies = [\"127.0.0.1\"]"};
  launch(shop);
  TlsClient employee = trusting();
  const IssuedCertificate badge = office.issue({.names = {"employee"}});
  employee.certificate = badge.certificate + office.certificate();
  employee.key = badge.key;
  TlsSession session;
  for (const std::string when : {"first", "again"}) {
    employee.session = session;
    HttpClient client{bonedry_->address(), employee};
    for (int i = 0; i < 2; ++i) {
      const Response page = client.get("/page", {{"Client-Cert", ":forged:"}});
      const FakeNode& node = page.headers.get("X-Node") == "alice" ? alice_ : bob_;
      const Headers seen = node.last("/page").headers;
      EXPECT_EQ(seen.all("Client-Cert"),
                std::vector<std::string>{":" + base64_of(badge.certificate) + ":"});
      EXPECT_EQ(seen.get("Client-Cert-Chain"), ":" + base64_of(office.certificate()) +
                                                   ":, :" + base64_of(staff.certificate()) + ":")
          << when;
    }
    session = client.socket().take_session();
  }
  HttpClient visitor = connect();
  const Response page = visitor.get("/visit");
  const FakeNode& node = page.headers.get("X-Node") == "alice" ? alice_ : bob_;
  EXPECT_FALSE(node.last("/visit").headers.has("Client-Cert"));
}

TEST_P(TlsStory, CertificatesThatClientsInventReachNoNode) {
  std::string forged;
  for (const char* name : {"Client-Cert", "client-cert-chain", "CLIENT_CERT", "Client_Cert-Chain",
                           "Client.Cert", "X-Client-Cert", "X-SSL-Client-Cert"}) {
    forged += std::string(name) + ": forged\r\n";
  }
  const std::string request =
      "POST /page HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n" + forged +
      "X-Real: head\r\n\r\n" + chunk("x") + "0\r\n" + forged + "X-Real: trailer\r\n\r\n";
  for (FakeNode* const node : {&alice_, &bob_}) {
    node->on("/page", [](NodeExchange& exchange) {
      exchange.respond(200, exchange.request().raw_head + exchange.read_body().trailers.to_wire());
    });
  }
  for (TestConfig shop : {config(), tls_config()}) {
    shop.server = {"underscore_names = \"pass\""};
    launch(shop);
    HttpClient client =
        shop.pools[0].listener.empty() ? HttpClient{bonedry_->address()} : connect();
    client.send(request);
    const std::string seen = client.read_response().body;
    EXPECT_THAT(seen, HasSubstr("X-Real: head"));
    EXPECT_THAT(seen, HasSubstr("X-Real: trailer"));
    EXPECT_THAT(seen, Not(HasSubstr("forged")));
  }
}

TEST_P(TlsStory, ACertificateThatIsTooLargeForAFieldIsRefused) {
  const CertificateAuthority staff("Staff");
  files_.write("staff.pem", staff.certificate());
  TestConfig shop = tls_config(
      {"client_certificates = \"required\"", "client_ca = \"" + (files_ / "staff.pem") + "\""});
  shop.limits = {"header_bytes = 1024"};
  launch(shop);
  CertificateSpec many{.names = {"employee"}};
  for (int i = 0; i < 30; ++i) many.names.push_back("a-long-name-" + std::to_string(i));
  TlsClient employee = trusting();
  const IssuedCertificate badge = staff.issue(many);
  employee.certificate = badge.certificate;
  employee.key = badge.key;
  HttpClient client{bonedry_->address(), employee};
  EXPECT_EQ(client.read_response().status, 431);
  EXPECT_TRUE(bonedry_->says("the client's certificate is too large; see [limits] header_bytes"));
}

TEST_P(TlsStory, StrictHostTurnsAwayRequestsForAnotherHost) {
  install(ca_.issue({.names = {"shop.example", "*.shop.example"}}));
  launch(tls_config({"strict_host = true"}));
  HttpClient client = connect();
  for (const char* host : {"shop.example", "WWW.shop.example:8443"}) {
    EXPECT_EQ(client.get("/", {{"Host", host}}).status, 200) << host;
  }
  const Response other = client.get("/", {{"Host", "other.example"}});
  EXPECT_EQ(other.status, 421);
  EXPECT_THAT(other.headers.all("Set-Cookie"), testing::IsEmpty()) << "no session has begun";
}

TEST_P(TlsStory, ABodyThatEndsWithItsConnectionIsNotCompleteWhenItIsCut) {
  launch(tls_config());
  const std::string half = "HTTP/1.1 200 OK\r\nX-Node: alice\r\nConnection: close\r\n\r\nhalf";
  for (FakeNode* const node : {&alice_, &bob_}) {
    node->on("/whole", answering_and_closing(half));
    node->on("/cut", [half](NodeExchange& exchange) {
      exchange.send(half);
      exchange.reset();
    });
  }
  const std::string request = " HTTP/1.0\r\nHost: shop.example\r\n\r\n";
  HttpClient whole = connect();
  whole.send("GET /whole" + request);
  EXPECT_THAT(whole.socket().receive_all(), testing::EndsWith("half"));
  HttpClient cut = connect();
  cut.send("GET /cut" + request);
  EXPECT_THROW((void)cut.socket().receive_all(), SocketError);
}

TEST_P(TlsStory, ABodyThatIsCutEndsWithoutCloseNotify) {
  launch(tls_config());
  for (FakeNode* const node : {&alice_, &bob_}) {
    node->on("/length", [](NodeExchange& exchange) {
      exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      exchange.close_after();
    });
    node->on("/chunked", [](NodeExchange& exchange) {
      exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      exchange.close_after();
    });
  }
  for (const char* const path : {"/length", "/chunked"}) {
    HttpClient client = connect();
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    EXPECT_THROW((void)client.socket().receive_all(), SocketError) << path;
  }
}

TEST_P(TlsStory, AClientThatHalfClosesGetsItsResponse) {
  launch(tls_config());
  HttpClient client = connect();
  client.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  client.socket().finish_sending();
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_P(TlsStory, AClientThatIsCutOffInItsBodyIsGone) {
  launch(tls_config());
  HttpClient client = connect();
  client.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_TRUE(eventually([this] { return open_exchanges() == 1; }));
  client.socket().cut();
  EXPECT_TRUE(eventually_idle());
}

TEST_P(TlsStory, LongBodiesArriveWholeInBothDirections) {
  constexpr std::uint64_t kLong = 3 << 20;
  launch(tls_config());
  for (FakeNode* const node : {&alice_, &bob_}) {
    node->on("/long", [](NodeExchange& exchange) {
      exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kLong)}}));
      PatternBody body{7, kLong};
      for (auto piece = body.next(); !piece.empty(); piece = body.next()) exchange.send(piece);
    });
  }
  HttpClient client = connect();
  client.send(Request{.target = "/long"}.to_wire());
  Sha256 digest;
  EXPECT_TRUE(
      client.read_response_into([&](std::string_view piece) { digest.update(piece); }).complete());
  EXPECT_EQ(digest.hex(), PatternBody::checksum(7, kLong));

  client.send("POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: " +
              std::to_string(kLong) + "\r\n\r\n");
  PatternBody body{9, kLong};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) client.send(piece);
  EXPECT_THAT(client.read_response().body, HasSubstr(PatternBody::checksum(9, kLong)));
}

TEST_P(TlsStory, RequestsThatArriveInOneRecordAreAllServed) {
  launch(tls_config());
  HttpClient client = connect();
  std::string many;
  for (int i = 0; i < 50; ++i) many += Request{.target = "/" + std::to_string(i)}.to_wire();
  client.send(many);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(client.read_response().body, HasSubstr("\"/" + std::to_string(i) + "\""));
  }
}

TEST_P(TlsStory, AHandshakeThatDoesNotEndAndPlainHttpAreTurnedAway) {
  launch(tls_config());
  HttpClient silent{bonedry_->address()};
  HttpClient plain{bonedry_->address()};
  plain.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  EXPECT_THAT(plain.socket().receive_all(), Not(HasSubstr("HTTP/1.1")));
  EXPECT_TRUE(bonedry_->says("http request"));
  EXPECT_TRUE(silent.closed_by_peer());
  EXPECT_TRUE(bonedry_->says("no TLS handshake within the time limit"));
}

TEST_P(TlsStory, ThePROXYHeaderComesBeforeTheHandshake) {
  TestConfig shop = tls_config();
  shop.server = {"trusted_proxies = [\"127.0.0.1\"]"};
  shop.pools[0].listener.emplace_back("proxy_protocol = true");
  launch(shop);
  HttpClient client{bonedry_->address()};
  client.send("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n");
  client.socket().start_tls(trusting());
  const Response page = client.get("/page");
  EXPECT_EQ(page.status, 200);
  const FakeNode& node = page.headers.get("X-Node") == "alice" ? alice_ : bob_;
  EXPECT_EQ(node.last("/page").headers.get("X-Forwarded-For"), "192.0.2.1");
}

}  // namespace
}  // namespace bonedry::test
