// The scripted client directly against the scripted node: the tools of the stories must themselves
// work.
#include "tests/support/checksum.h"
#include "tests/support/child_process.h"
#include "tests/support/fake_node.h"
#include "tests/support/http_client.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
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

}  // namespace
}  // namespace bonedry::test
