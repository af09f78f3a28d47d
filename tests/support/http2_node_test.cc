// The HTTP/2 node between the tests' own client and handlers.
#include "tests/support/http2_node.h"

#include "tests/support/certificates.h"
#include "tests/support/checksum.h"
#include "tests/support/http2_client.h"
#include "tests/support/user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Http2NodeTest : public testing::Test {
 protected:
  [[nodiscard]] Http2Client connect() const { return Http2Client{node_.address(), std::nullopt}; }

  Http2Node node_{"alice", {.tls = std::nullopt}};
};

TEST_F(Http2NodeTest, ByDefaultItSaysWhatItHasGot) {
  Http2Client client{node_.address(), std::nullopt};
  const Response response = client.exchange({.method = "POST",
                                             .target = "/cart?x=1",
                                             .headers = {{"Cookie", "a=1; b=2"}, {"X-A", "b"}},
                                             .body = "hello"},
                                            kDeadline);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("X-Node"), "alice");
  const auto answer = nlohmann::json::parse(response.body);
  EXPECT_EQ(answer.at("node"), "alice");
  EXPECT_EQ(answer.at("method"), "POST");
  EXPECT_EQ(answer.at("target"), "/cart?x=1");
  EXPECT_EQ(answer.at("cookie"), "a=1; b=2");
  EXPECT_EQ(answer.at("size"), 5);
  EXPECT_EQ(answer.at("sha256"), sha256("hello"));

  const Http2NodeRequest seen = node_.last("/cart");
  EXPECT_EQ(seen.pseudo.to_wire(), Headers({{":method", "POST"},
                                            {":scheme", "http"},
                                            {":authority", "shop.example"},
                                            {":path", "/cart?x=1"}})
                                       .to_wire());
  EXPECT_EQ(seen.headers.get("x-a"), "b");
  EXPECT_EQ(seen.body.text, "hello");
  EXPECT_EQ(seen.body.end, BodyEnd::stream);
  EXPECT_EQ(seen.connection, 1U);
  EXPECT_EQ(seen.stream, 1);
  EXPECT_EQ(node_.requests(), 1U);
  EXPECT_EQ(node_.requests_for("/cart"), 1U);
}

TEST_F(Http2NodeTest, AHeadRequestGetsNoBody) {
  Http2Client client{node_.address(), std::nullopt};
  const Response response = client.exchange({.method = "HEAD"}, kDeadline);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body_size, 0U);
  EXPECT_NE(response.headers.get("content-length"), "0");
}

TEST_F(Http2NodeTest, StreamsOfAConnectionAreServedAtTheSameTime) {
  const Gate gate;
  node_.on("/slow", [gate](Http2NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "at last");
  });
  Http2Client client{node_.address(), std::nullopt};
  const StreamId first = client.begin({.target = "/slow"});
  const StreamId second = client.begin({.target = "/slow"});
  ASSERT_TRUE(node_.wait_for("/slow", 2));
  EXPECT_EQ(client.get("/quick").status, 200);
  gate.open();
  EXPECT_EQ(client.wait(second).body, "at last");
  EXPECT_EQ(client.wait(first).body, "at last");
  EXPECT_EQ(node_.connections(), 1U);
  EXPECT_EQ(node_.most_streams(), 3U);
  EXPECT_EQ(node_.requests_by_connection(), (std::map<std::size_t, std::size_t>{{1, 3}}));
}

TEST_F(Http2NodeTest, AResponseMayComeInPiecesAndHaveTrailers) {
  node_.on("/pieces", [](Http2NodeExchange& exchange) {
    exchange.send_interim(103, {{"Link", "</a>"}});
    exchange.send_head(201, {{"X-A", "b"}});
    exchange.send_data("one ");
    exchange.send_data("two");
    exchange.end({{"X-Sum", "7"}});
  });
  node_.on("/at-once", [](Http2NodeExchange& exchange) {
    exchange.respond(200, "", {}, {{"X-Sum", "0"}});
  });
  node_.on("/head-only", [](Http2NodeExchange& exchange) {
    exchange.send_head_only(204, {{"X-A", "b"}});
  });
  Http2Client client{node_.address(), std::nullopt};
  const Response response = client.get("/pieces");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "one two");
  EXPECT_EQ(response.headers.get("x-a"), "b");
  EXPECT_EQ(response.trailers.get("x-sum"), "7");
  ASSERT_THAT(response.interim, SizeIs(1));
  EXPECT_EQ(response.interim[0].headers.get("link"), "</a>");
  EXPECT_EQ(client.get("/at-once").trailers.get("x-sum"), "0");
  const Response head = client.get("/head-only");
  EXPECT_EQ(head.status, 204);
  EXPECT_TRUE(head.complete());
}

TEST_F(Http2NodeTest, ARequestMayBeReadAndAnsweredPieceByPiece) {
  node_.on("/echo", [](Http2NodeExchange& exchange) {
    exchange.send_head(200);
    for (std::string piece = exchange.receive(4); !piece.empty(); piece = exchange.receive(4)) {
      exchange.send_data(piece + "!");
    }
    exchange.end({{"x-sum", exchange.read_body().trailers.get("x-sum")}});
  });
  Http2Client client{node_.address(), std::nullopt};
  const StreamId id = client.begin_upload({.method = "POST", .target = "/echo"});
  for (const std::string piece : {"ping", "pong"}) {
    client.send_data(id, piece);
    EXPECT_EQ(client.receive(id, 5), piece + "!");
  }
  client.end(id, {{"x-sum", "8"}});
  const Response response = client.wait(id);
  EXPECT_EQ(response.trailers.get("x-sum"), "8");
  EXPECT_EQ(node_.last("/echo").body.text, "pingpong");
}

TEST_F(Http2NodeTest, LongBodiesPassBothWays) {
  const std::string page(3'000'000, 'p');
  node_.on("/long", [&page](Http2NodeExchange& exchange) {
    exchange.read_body();
    exchange.respond(200, page);
  });
  Http2Client client{node_.address(), std::nullopt};
  const std::string upload(2'000'000, 'u');
  const Response response =
      client.exchange({.method = "PUT", .target = "/long", .body = upload}, kDeadline);
  EXPECT_EQ(response.body_size, page.size());
  EXPECT_EQ(node_.last("/long").body.sha256, sha256(upload));
}

TEST_F(Http2NodeTest, WhatAHandlerDoesNotReadStopsItsStreamOnly) {
  const Gate gate;
  node_.on("/unread", [gate](Http2NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, std::to_string(exchange.read_body().size));
  });
  Http2Client client{node_.address(), std::nullopt};
  const StreamId id = client.begin_upload({.method = "POST", .target = "/unread"});
  client.offer_data(id, std::string(100'000, 'x'));
  ASSERT_TRUE(node_.wait_for("/unread", 1));
  client.ping();
  EXPECT_EQ(client.unsent(id), 100'000U - 65'535U);
  EXPECT_EQ(
      client.exchange({.method = "POST", .body = std::string(200'000, 'y')}, kDeadline).status,
      200);
  gate.open();
  client.end(id);
  EXPECT_EQ(client.wait(id).body, "100000");
}

TEST_F(Http2NodeTest, EitherSideMayResetAStream) {
  node_.on("/refused", [](Http2NodeExchange& exchange) { exchange.reset("REFUSED_STREAM"); });
  node_.on("/cut", [](Http2NodeExchange& exchange) {
    exchange.send_head(200);
    exchange.send_data("half");
    exchange.reset("INTERNAL_ERROR");
  });
  node_.on("/early", [](Http2NodeExchange& exchange) {
    exchange.respond(413, std::string(100'000, 'x'));
    exchange.reset("NO_ERROR");
  });
  const Gate cancelled;
  node_.on("/wait", [cancelled](Http2NodeExchange& exchange) {
    if (exchange.wait_for_reset() == "CANCEL") cancelled.open();
  });
  Http2Client client{node_.address(), std::nullopt};
  const Response refused = client.get("/refused");
  EXPECT_EQ(refused.status, 0);
  EXPECT_EQ(refused.reset, "REFUSED_STREAM");
  const Response cut = client.get("/cut");
  EXPECT_EQ(cut.body, "half");
  EXPECT_EQ(cut.reset, "INTERNAL_ERROR");
  const StreamId early = client.begin_upload({.method = "POST", .target = "/early"});
  const Response enough = client.wait(early);
  EXPECT_EQ(enough.body_size, 100'000U) << "the response is whole";
  EXPECT_TRUE(enough.complete());
  const StreamId id = client.begin({.target = "/wait"});
  ASSERT_TRUE(node_.wait_for("/wait", 1));
  client.reset(id);
  EXPECT_TRUE(cancelled.wait());
  EXPECT_EQ(node_.last("/wait").reset, "CANCEL");
  EXPECT_TRUE(node_.last("/wait").is_closed);
  EXPECT_TRUE(client.usable());
}

TEST_F(Http2NodeTest, AGoawayOfAHandlerEndsTheStreamsAboveIt) {
  const Gate gate;
  node_.on("/goes-on", [gate](Http2NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "done");
  });
  node_.on("/goaway", [](Http2NodeExchange& exchange) { exchange.goaway(1); });
  Http2Client client{node_.address(), std::nullopt};
  const StreamId first = client.begin({.target = "/goes-on"});
  ASSERT_TRUE(node_.wait_for("/goes-on", 1));
  const StreamId second = client.begin({.target = "/goaway"});
  EXPECT_EQ(client.goaway().last_stream, first);
  EXPECT_EQ(client.wait(second).status, 0);
  gate.open();
  EXPECT_EQ(client.wait(first).body, "done");
  EXPECT_FALSE(client.closed_by_peer(Millis{1})) << "that is the client's to do";
}

TEST_F(Http2NodeTest, AGoawayEveryFewRequestsLeavesTheAcceptedOnes) {
  node_.goaway_every(3);
  Http2Client client{node_.address(), std::nullopt};
  std::vector<StreamId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(client.begin({.target = "/" + std::to_string(i)}));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(client.wait(ids[i]).status, 200) << i;
  for (std::size_t i = 3; i < 5; ++i) EXPECT_EQ(client.wait(ids[i]).status, 0) << i;
  EXPECT_EQ(client.goaway().last_stream, ids[2]);
  EXPECT_EQ(client.goaway().code, "NO_ERROR");
  EXPECT_TRUE(client.closed_by_peer());
  EXPECT_EQ(node_.requests(), 3U);
  EXPECT_EQ(connect().get("/next").status, 200);
}

TEST_F(Http2NodeTest, AGoawayForAllComesAtOnce) {
  Http2Client idle{node_.address(), std::nullopt};
  EXPECT_EQ(idle.get("/").status, 200);
  const Gate gate;
  node_.on("/slow", [gate](Http2NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "done");
  });
  Http2Client busy{node_.address(), std::nullopt};
  const StreamId id = busy.begin({.target = "/slow"});
  ASSERT_TRUE(node_.wait_for("/slow", 1));
  node_.goaway();
  EXPECT_TRUE(idle.closed_by_peer());
  EXPECT_EQ(busy.goaway().last_stream, id);
  gate.open();
  EXPECT_EQ(busy.wait(id).body, "done");
  EXPECT_TRUE(busy.closed_by_peer());
}

TEST_F(Http2NodeTest, AConnectionMayBeClosedInTheMiddle) {
  node_.on("/half", [](Http2NodeExchange& exchange) {
    exchange.send_head(200, {{"Content-Length", "8"}});
    exchange.send_data("half");
    exchange.close_connection();
  });
  Http2Client client{node_.address(), std::nullopt};
  const Response response = client.get("/half");
  EXPECT_EQ(response.body, "half");
  EXPECT_FALSE(response.complete());
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_F(Http2NodeTest, ItMayDieAndReturn) {
  const Gate gone;
  node_.on("/wait", [gone](Http2NodeExchange& exchange) {
    try {
      (void)exchange.wait_for_reset();
    } catch (const UnexpectedEnd&) {
      gone.open();
    }
  });
  Http2Client client{node_.address(), std::nullopt};
  const StreamId id = client.begin({.target = "/wait"});
  ASSERT_TRUE(node_.wait_for("/wait", 1));
  node_.die();
  EXPECT_TRUE(gone.wait());
  EXPECT_EQ(client.wait(id).status, 0);
  EXPECT_EQ(node_.last("/wait").body.end, BodyEnd::stream) << "it had come";
  EXPECT_EQ(node_.open_connections(), 0U);
  EXPECT_THROW((void)connect(), ConnectionRefused);
  node_.start();
  EXPECT_EQ(connect().get("/").status, 200);
}

TEST_F(Http2NodeTest, ItsSettingsAreWhatTheTestSays) {
  EXPECT_GT(connect().peer_settings().max_concurrent_streams, 1000U) << "no limit";
  node_.configure({.tls = std::nullopt, .max_concurrent_streams = 2, .stream_window = 1000});
  const Http2Settings settings = connect().peer_settings();
  EXPECT_EQ(settings.max_concurrent_streams, 2U);
  EXPECT_EQ(settings.initial_window_size, 1000U);
}

TEST_F(Http2NodeTest, StreamsAboveItsLimitAreRefused) {
  node_.configure({.tls = std::nullopt, .max_concurrent_streams = 1});
  const Gate gate;
  node_.on("/slow", [gate](Http2NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "done");
  });
  Http2Client client{node_.address(), std::nullopt};
  const StreamId first = client.begin({.target = "/slow"});  // before the SETTINGS are read
  const StreamId second = client.begin({.target = "/slow"});
  EXPECT_EQ(client.wait(second).reset, "REFUSED_STREAM");
  gate.open();
  EXPECT_EQ(client.wait(first).body, "done");
}

TEST_F(Http2NodeTest, APeerThatBreaksTheRulesIsFoundOut) {
  HttpClient old{node_.address(), std::nullopt};
  old.send(Request{}.to_wire());
  (void)old.socket().receive_all();
  EXPECT_THAT(node_.take_violations(), SizeIs(1));
  Http2Client client{node_.address(), std::nullopt};
  (void)client.get("/", {{"Connection", "close"}});
  EXPECT_THAT(node_.take_violations(), testing::Not(IsEmpty()));
}

TEST_F(Http2NodeTest, UsersAreServed) {
  node_.on("/", [](Http2NodeExchange& exchange) {
    exchange.respond(200, "hello", {{"Set-Cookie", "bonedry=1"}});
  });
  User user{std::make_shared<Http2Client>(node_.address(), std::nullopt)};
  user.click();
  EXPECT_EQ(user.node(), "alice");
  user.click("/next");
  EXPECT_EQ(node_.last("/next").headers.get("cookie"), "bonedry=1");
}

class Http2NodeTlsTest : public testing::Test {
 protected:
  [[nodiscard]] TlsServer server(std::vector<std::string> alpn) const {
    return {.certificate = issued_.certificate, .key = issued_.key, .alpn = std::move(alpn)};
  }

  CertificateAuthority authority_;
  IssuedCertificate issued_ = authority_.issue();
};

TEST_F(Http2NodeTlsTest, Http2IsChosenByAlpn) {
  Http2Node node{"alice", {.tls = server({"h2"})}};
  Http2Client client{node.address(), TlsClient{.ca = authority_.certificate()}};
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(node.last("/").pseudo.get(":scheme"), "https");
  ASSERT_THAT(node.handshakes(), SizeIs(1));
  EXPECT_EQ(node.handshakes()[0].alpn, "h2");
  EXPECT_EQ(
      client.exchange({.method = "POST", .body = std::string(1'000'000, 'x')}, kDeadline).status,
      200);
}

TEST_F(Http2NodeTlsTest, ANodeMayChooseNothingOrAnotherProtocol) {
  Http2Node node{"alice", {.tls = server({})}};
  const auto connect = [&] {
    Http2Client{node.address(), TlsClient{.ca = authority_.certificate()}};
  };
  EXPECT_THROW(connect(), SocketError);
  node.configure({.tls = server({"http/1.1"})});
  EXPECT_THROW(connect(), SocketError);
  EXPECT_EQ(node.requests(), 0U);
}

}  // namespace
}  // namespace bonedry::test
