// The scripted client directly against the scripted node: the tools of the stories must themselves
// work.
#include "tests/support/certificates.h"
#include "tests/support/checksum.h"
#include "tests/support/child_process.h"
#include "tests/support/fake_node.h"
#include "tests/support/http_client.h"
#include "tests/support/user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

TEST(FakeNodeTest, AnswersManyRequestsOnOneConnectionAndRemembersThem) {
  FakeNode node{"alice"};
  HttpClient client{node.address()};
  for (int i = 0; i < 100; ++i) {
    const Response response = client.get("/page?n=" + std::to_string(i), {{"Cookie", "a=1"}});
    ASSERT_EQ(response.status, 200);
    const auto answer = nlohmann::json::parse(response.body);
    EXPECT_EQ(answer.at("node"), "alice");
    EXPECT_EQ(answer.at("cookie"), "a=1");
    EXPECT_EQ(answer.at("target"), "/page?n=" + std::to_string(i));
  }
  EXPECT_EQ(node.connections(), 1U);
  EXPECT_EQ(node.requests_for("/page"), 100U);
  EXPECT_EQ(node.last("/page").target, "/page?n=99");
}

TEST(FakeNodeTest, RefusesConnectionsWhileStoppedAndComesBackAtTheSamePort) {
  FakeNode node{"alice"};
  HttpClient client{node.address()};
  EXPECT_EQ(client.get("/").status, 200);
  node.stop();
  EXPECT_TRUE(client.closed_by_peer());
  EXPECT_THROW(HttpClient{node.address()}, ConnectionRefused);
  node.start();
  EXPECT_EQ(HttpClient{node.address()}.get("/").status, 200);
}

TEST(FakeNodeTest, ReadsChunkedBodiesWithTrailers) {
  FakeNode node{"alice"};
  node.on("/up", [](NodeExchange& exchange) {
    const NodeBody& body = exchange.read_body();
    exchange.respond(200, body.text + '|' + body.trailers.get("X-Sum"));
  });
  HttpClient client{node.address()};
  client.send("POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
              chunk("Hello ") + chunk("world") + "0\r\nX-Sum: 11\r\n\r\n");
  EXPECT_EQ(client.read_response("POST").body, "Hello world|11");
}

TEST(FakeNodeTest, SaysRawBytesOneByOne) {
  FakeNode node{"alice"};
  node.on("/slow", [](NodeExchange& exchange) {
    exchange.send_byte_by_byte(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\nX-End: yes\r\n\r\n");
  });
  HttpClient client{node.address()};
  const Response response = client.get("/slow");
  ASSERT_EQ(response.interim.size(), 1U);
  EXPECT_EQ(response.interim[0].headers.get("link"), "</a>");
  EXPECT_EQ(response.body, "abc");
  EXPECT_EQ(response.end, BodyEnd::chunked);
  EXPECT_EQ(response.trailers.get("X-End"), "yes");
}

TEST(FakeNodeTest, AResetIsSeenAsAnAbortedBody) {
  FakeNode node{"alice"};
  node.on("/cut", [](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\n\r\nhalf of it");
    exchange.reset();
  });
  HttpClient client{node.address()};
  client.send(Request{.target = "/cut"}.to_wire());
  EXPECT_FALSE(client.read_response().complete());
}

TEST(FakeNodeTest, ABodyThatEndsTooSoonIsAborted) {
  FakeNode node{"alice"};
  node.on("/short", answering_and_closing("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"));
  node.on("/whole", answering_and_closing("HTTP/1.1 200 OK\r\n\r\nwhole"));
  EXPECT_EQ(HttpClient{node.address()}.get("/short").end, BodyEnd::aborted);
  EXPECT_EQ(HttpClient{node.address()}.get("/whole").end, BodyEnd::close);
}

TEST(FakeNodeTest, LargeBodiesKeepTheirChecksumBothWays) {
  constexpr std::uint64_t kSize = 16 << 20;
  FakeNode node{"alice"};
  node.on("/down", [](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kSize)}}));
    PatternBody body{7, kSize};
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) exchange.send(piece);
  });
  HttpClient client{node.address()};
  client.send(Request{.target = "/down"}.to_wire());
  Sha256 digest;
  const Response down = client.read_response_into([&](std::string_view p) { digest.update(p); });
  EXPECT_EQ(down.body_size, kSize);
  EXPECT_EQ(digest.hex(), PatternBody::checksum(7, kSize));

  client.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kSize) +
              "\r\n\r\n");
  PatternBody body{8, kSize};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) client.send(piece);
  const auto answer = nlohmann::json::parse(client.read_response("POST").body);
  EXPECT_EQ(answer.at("size"), kSize);
  EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(8, kSize));
}

TEST(FakeNodeTest, ServesManyClientsAtOnce) {
  FakeNode node{"alice"};
  const Gate gate;
  node.on("/wait", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "done");
  });
  std::vector<std::thread> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back([&] { EXPECT_EQ(HttpClient{node.address()}.get("/wait").body, "done"); });
  }
  EXPECT_TRUE(node.wait_for("/wait", 50));
  gate.open();
  for (std::thread& client : clients) client.join();
}

TEST(SilentPortTest, CompletesNoConnection) {
  const SilentPort port;
  EXPECT_THROW((void)Socket::connect_tcp(port.address(), Millis{200}), TimedOut);
}

TEST(UserTest, KeepsCookiesAndReturnsThem) {
  FakeNode node{"alice"};
  node.on("/login",
          answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Node: alice\r\n"
                    "Set-Cookie: bonedry=abc; Path=/; HttpOnly\r\nSet-Cookie: b=2\r\n\r\n"));
  User user{node.address()};
  const Response response = user.click("/login");
  EXPECT_EQ(set_cookie_value(response), "abc");
  EXPECT_EQ(user.node(), "alice");
  user.click("/next");
  EXPECT_EQ(node.last("/next").headers.get("Cookie"), "b=2; bonedry=abc");
}

TEST(UserTest, OpensANewConnectionWhenTheOldOneWasClosed) {
  FakeNode node{"alice"};
  User user{node.address()};
  EXPECT_EQ(user.click().status, 200);
  node.drop_connections();
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(node.connections(), 2U);
}

/// Client and node over TLS, of the version that is the parameter.
class TlsTest : public testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] TlsServer server() const {
    return {.certificate = issued_.certificate, .key = issued_.key};
  }
  [[nodiscard]] TlsClient client() const {
    return {.ca = authority_.certificate(),
            .minimum_version = GetParam(),
            .maximum_version = GetParam()};
  }

  /// Connects the two, and runs `serve` with the server's end on another thread meanwhile.
  Socket connect(const std::function<void(Socket&)>& serve) {
    port_.open();
    node_ = std::thread{[this, serve] {
      Socket socket = port_.accept(kDeadline);
      socket.accept_tls(server());
      serve(socket);
    }};
    Socket socket = Socket::connect_tcp(port_.address());
    socket.start_tls(client());
    return socket;
  }
  void TearDown() override {
    if (node_.joinable()) node_.join();
  }

  const CertificateAuthority authority_;
  const IssuedCertificate issued_ = authority_.issue();
  ListeningPort port_;
  std::thread node_;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsTest, testing::Values("1.2", "1.3"), [](const auto& version) {
  return std::string{"Tls1_"} + version.param[2];
});

TEST_P(TlsTest, ExchangesManyRequestsOnOneConnection) {
  FakeNode node{"alice", server()};
  HttpClient user{node.address(), client()};
  for (int i = 0; i < 100; ++i) ASSERT_EQ(user.get("/page").status, 200);
  EXPECT_TRUE(user.is_idle_and_open());
  EXPECT_EQ(node.connections(), 1U);
  EXPECT_EQ(user.socket().tls_version(), std::string{"TLSv"} + GetParam());
  EXPECT_EQ(user.socket().peer_certificate(), issued_.certificate);
  ASSERT_EQ(node.handshakes().size(), 1U);
  EXPECT_EQ(node.handshakes()[0].server_name, "shop.example");
  EXPECT_EQ(node.handshakes()[0].error, "");
  EXPECT_FALSE(node.handshakes()[0].resumed);
}

TEST_P(TlsTest, LargeBodiesKeepTheirChecksum) {
  constexpr std::uint64_t kSize = 16 << 20;
  FakeNode node{"alice", server()};
  HttpClient user{node.address(), client()};
  user.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kSize) +
            "\r\n\r\n");
  PatternBody body{8, kSize};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) user.send(piece);
  const auto answer = nlohmann::json::parse(user.read_response("POST").body);
  EXPECT_EQ(answer.at("size"), kSize);
  EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(8, kSize));
}

TEST_P(TlsTest, SendsNowOnlyWhatFitsAndLosesNothing) {
  const Gate full;
  std::string received;
  Socket socket = connect([&](Socket& peer) {
    EXPECT_TRUE(full.wait());
    received = peer.receive_all();
  });
  std::uint64_t sent = 0;
  const std::string piece(100'000, 'a');
  while (const std::size_t now = socket.send_now(piece)) sent += now;
  EXPECT_FALSE(socket.wait_writable(Millis{0}));
  full.open();
  EXPECT_TRUE(socket.wait_writable(kDeadline));
  socket.send_all("other bytes than before");
  socket.finish_sending();
  node_.join();
  EXPECT_EQ(received, std::string(sent, 'a') + "other bytes than before");
}

TEST_P(TlsTest, ResumesASessionAtTheSameNodeOnly) {
  FakeNode node{"alice", server()};
  TlsClient again = client();
  {
    HttpClient first{node.address(), again};
    EXPECT_EQ(first.get("/").status, 200);
    again.session = first.socket().take_session();
  }
  ASSERT_TRUE(again.session);
  for (int i = 0; i < 2; ++i) {
    HttpClient next{node.address(), again};
    EXPECT_EQ(next.get("/").status, 200);
    EXPECT_TRUE(next.socket().session_reused());
    EXPECT_EQ(next.socket().peer_certificate(), issued_.certificate);
    EXPECT_TRUE(node.handshakes().back().resumed);
    EXPECT_EQ(node.handshakes().back().server_name, "shop.example");
  }
  FakeNode other{"bob", server()};
  HttpClient elsewhere{other.address(), again};
  EXPECT_EQ(elsewhere.get("/").status, 200);
  EXPECT_FALSE(elsewhere.socket().session_reused());
}

TEST_P(TlsTest, GivesNoSessionWithoutTickets) {
  TlsServer forgetful = server();
  forgetful.tickets = 0;
  const FakeNode node{"alice", forgetful};
  HttpClient user{node.address(), client()};
  EXPECT_EQ(user.get("/").status, 200);
  EXPECT_FALSE(user.socket().take_session());
}

TEST_P(TlsTest, TellsACloseNotifyFromACut) {
  FakeNode node{"alice", server()};
  node.on("/whole", answering_and_closing("HTTP/1.1 200 OK\r\n\r\nwhole"));
  node.on("/cut", [](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\n\r\nhalf of it");
    exchange.socket().cut();
    exchange.close_after();
  });
  node.on("/reset", [](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\n\r\nhalf of it");
    exchange.reset();
  });
  HttpClient user{node.address(), client()};
  EXPECT_EQ(user.get("/whole").end, BodyEnd::close);
  HttpClient cut_off{node.address(), client()};
  EXPECT_EQ(cut_off.get("/cut").end, BodyEnd::aborted);
  EXPECT_TRUE(cut_off.closed_by_peer());
  char byte = 0;
  EXPECT_THROW((void)cut_off.socket().receive(&byte, 1), TruncatedTls);
  HttpClient other{node.address(), client()};
  EXPECT_EQ(other.get("/reset").end, BodyEnd::aborted);
}

TEST_P(TlsTest, ReadsOnAfterItHasFinishedSending) {
  Socket socket = connect([](Socket& peer) {
    const std::string all = peer.receive_all();
    peer.send_all(all + " to you");
  });
  socket.send_all("good day");
  socket.finish_sending();
  EXPECT_THROW(socket.send_all("more"), ConnectionReset);
  EXPECT_EQ(socket.receive_all(), "good day to you");
}

TEST_P(TlsTest, SendsOnAfterThePeerWasCut) {
  Socket socket = connect([](Socket& peer) {
    char byte = 0;
    EXPECT_THROW((void)peer.receive(&byte, 1), TruncatedTls);
    peer.send_all("still here");
  });
  socket.cut();
  EXPECT_EQ(socket.receive_all(), "still here");
}

TEST_P(TlsTest, IsReadableWhenDataOrTheEndHasCome) {
  const Gate tested;
  Socket socket = connect([&](Socket& peer) {
    EXPECT_TRUE(tested.wait());
    peer.send_all("ab");
  });
  EXPECT_FALSE(socket.wait_readable(Millis{100})) << "tickets are nothing to read";
  tested.open();
  char byte = 0;
  EXPECT_TRUE(socket.wait_readable(kDeadline));
  EXPECT_EQ(socket.receive(&byte, 1), 1U);
  EXPECT_TRUE(socket.wait_readable(Millis{0})) << "decrypted already";
  EXPECT_EQ(socket.receive(&byte, 1), 1U);
  EXPECT_TRUE(socket.wait_readable(kDeadline));
  EXPECT_EQ(socket.receive(&byte, 1), 0U);
}

TEST_P(TlsTest, AStoppedNodeCutsOffAndADeadOneResets) {
  FakeNode node{"alice", server()};
  HttpClient user{node.address(), client()};
  EXPECT_EQ(user.get("/").status, 200);
  node.stop();
  EXPECT_TRUE(user.closed_by_peer());
  node.start();
  HttpClient other{node.address(), client()};
  EXPECT_EQ(other.get("/").status, 200);
  node.die();
  char byte = 0;
  EXPECT_THROW((void)other.socket().receive(&byte, 1), ConnectionReset);
}

TEST_P(TlsTest, RefusesAServerOfAnotherAuthorityOrName) {
  const FakeNode node{"alice", server()};
  TlsClient stranger = client();
  stranger.ca = CertificateAuthority{"Another Root"}.certificate();
  EXPECT_THROW((HttpClient{node.address(), stranger}), SocketError);
  EXPECT_TRUE(eventually([&] { return node.handshakes().size() == 1; }));
  TlsClient mistaken = client();
  mistaken.server_name = "other.example";
  EXPECT_THROW((HttpClient{node.address(), mistaken}), SocketError);
  EXPECT_TRUE(eventually([&] { return node.handshakes().size() == 2; }));
  EXPECT_THAT(node.handshakes().at(0).error, testing::HasSubstr("alert unknown ca"));
  EXPECT_EQ(node.handshakes().at(1).server_name, "other.example");
}

TEST_P(TlsTest, RequiresACertificateOfTheClient) {
  TlsServer strict = server();
  strict.client_ca = authority_.certificate();
  const FakeNode node{"alice", strict};
  TlsClient known = client();
  const IssuedCertificate own = authority_.issue({.names = {"proxy.example"}});
  known.certificate = own.certificate;
  known.key = own.key;
  EXPECT_EQ((HttpClient{node.address(), known}).get("/").status, 200);
  EXPECT_EQ(node.handshakes().at(0).client_certificate, own.certificate);
  EXPECT_THROW((void)(HttpClient{node.address(), client()}).get("/"), SocketError);
}

TEST_P(TlsTest, AgreesOnAProtocol) {
  TlsServer web = server();
  web.alpn = {"http/1.1"};
  const FakeNode node{"alice", web};
  TlsClient browser = client();
  browser.alpn = {"h2", "http/1.1"};
  EXPECT_EQ((HttpClient{node.address(), browser}).socket().alpn(), "http/1.1");
  browser.alpn = {"h2"};
  EXPECT_THROW((HttpClient{node.address(), browser}), SocketError);
  EXPECT_EQ((HttpClient{node.address(), client()}).socket().alpn(), "");
}

TEST_P(TlsTest, AUserClicksOverTls) {
  FakeNode node{"alice", server()};
  node.on("/login", answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                              "Set-Cookie: bonedry=abc; Path=/; Secure\r\n\r\n"));
  User user{node.address(), client()};
  EXPECT_EQ(set_cookie_value(user.click("/login")), "abc");
  node.drop_connections();
  EXPECT_EQ(user.click("/next").status, 200);
  EXPECT_EQ(node.last("/next").headers.get("Cookie"), "bonedry=abc");
  EXPECT_EQ(node.connections(), 2U);
}

TEST(TlsSocketTest, WithoutTlsACutIsAFin) {
  ListeningPort port;
  port.open();
  Socket client = Socket::connect_tcp(port.address());
  Socket server = port.accept(kDeadline);
  client.cut();
  EXPECT_EQ(server.receive_all(), "");
  EXPECT_EQ(client.tls_version(), "");
  EXPECT_FALSE(client.take_session());
}

TEST(ChildProcessTest, ReportsOutputAndExitCode) {
  const RunResult result =
      run_program({"/bin/sh", "-c", "echo out; echo $WORD >&2; exit 3"}, {"WORD=err"});
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
}

TEST(ChildProcessTest, CanBeSignalledAndWaitedFor) {
  ChildProcess child{{.arguments = {"/bin/sleep", "60"}}};
  EXPECT_TRUE(child.running());
  child.signal(SIGTERM);
  const auto ended = child.wait(kDeadline);
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->signal, SIGTERM);
}

TEST(ChecksumTest, IsSha256) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_NE(PatternBody::checksum(1, 100'000), PatternBody::checksum(2, 100'000));
}

TEST(ChecksumTest, KnowsTheAcceptOfAWebSocket) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

}  // namespace
}  // namespace bonedry::test
