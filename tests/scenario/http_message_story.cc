// Messages: every form of request, response and body that passes between client and node.
#include "tests/scenario/story.h"

#include <algorithm>
#include <future>
#include <string>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

class MessageStory : public Story {
 protected:
  FakeNode alice_{"alice"};
  BonedryProcess bonedry_{shop(workers(), {alice_})};
  HttpClient client_{bonedry_.address()};
};

INSTANTIATE_TEST_SUITE_P(Workers, MessageStory, worker_counts(), name_of_workers);

constexpr std::uint64_t kLarge = 64 << 20;
const Millis kLargeDeadline = kDeadline * 4;

void send_pattern(NodeExchange& exchange, std::uint64_t seed) {
  PatternBody body{seed, kLarge};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) exchange.send(piece);
}

TEST_P(MessageStory, AHeadResponseHasALengthAndNoBody) {
  alice_.on("/page", answering("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-A: b\r\n\r\n"));
  const Response response = client_.exchange({.method = "HEAD", .target = "/page"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Length"), "1234");
  EXPECT_EQ(response.headers.get("X-A"), "b");
  EXPECT_EQ(alice_.last("/page").method, "HEAD");
  EXPECT_EQ(client_.get("/next").status, 200) << "not a byte of a body came between";
}

TEST_P(MessageStory, AHeadResponseMayHaveNoLengthOrBeChunked) {
  alice_.on("/bare", answering("HTTP/1.1 200 OK\r\n\r\n"));
  alice_.on("/chunked", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (const char* target : {"/bare", "/chunked"}) {
    HttpClient client{bonedry_.address()};
    EXPECT_EQ(client.exchange({.method = "HEAD", .target = target}).status, 200);
    EXPECT_FALSE(client.socket().wait_readable(Millis{50}) && !client.closed_by_peer(Millis{0}))
        << target << " sent a body";
  }
}

TEST_P(MessageStory, NoContentAndNotModifiedHaveNoBody) {
  alice_.on("/204", answering("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"));
  alice_.on("/304",
            answering("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n"));
  for (int i = 0; i < 3; ++i) {
    const Response no_content = client_.get("/204");
    EXPECT_EQ(no_content.status, 204);
    EXPECT_EQ(no_content.headers.get("X-A"), "b");
    EXPECT_FALSE(no_content.headers.has("Transfer-Encoding"));
    const Response not_modified = client_.get("/304");
    EXPECT_EQ(not_modified.status, 304);
    EXPECT_EQ(not_modified.headers.get("ETag"), "\"x\"");
  }
  EXPECT_EQ(client_.get("/next").status, 200);
}

TEST_P(MessageStory, ChunkedBodiesAndTheirTrailersPassBothWays) {
  alice_.on("/echo", [](NodeExchange& exchange) {
    const NodeBody& body = exchange.read_body();
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Sum"}}) +
                  chunk(body.text) + chunk("!") + "0\r\nX-Sum: " + body.trailers.get("X-Sum") +
                  "\r\nX-More: yes\r\n\r\n");
  });
  client_.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      chunk("Hello ") + chunk("world") + "0\r\nX-Sum: 42\r\n\r\n");
  const Response response = client_.read_response("POST");
  EXPECT_EQ(response.body, "Hello world!");
  EXPECT_EQ(response.end, BodyEnd::chunked);
  EXPECT_EQ(response.trailers.get("X-Sum"), "42");
  EXPECT_EQ(response.trailers.get("X-More"), "yes");
  EXPECT_EQ(client_.get("/next").status, 200);
}

TEST_P(MessageStory, AnEmptyChunkedBodyPassesBothWays) {
  alice_.on("/empty", [](NodeExchange& exchange) {
    EXPECT_EQ(exchange.read_body().end, BodyEnd::chunked);
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}) + "0\r\n\r\n");
  });
  client_.send("POST /empty HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const Response response = client_.read_response("POST");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body_size, 0U);
  EXPECT_EQ(client_.get("/next").status, 200);
}

TEST_P(MessageStory, AnHttp10ClientNeverSeesChunks) {
  alice_.on("/chunked", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n3\r\ndef\r\n0\r\nX-T: 1\r\n\r\n"));
  for (const char* wish : {"close", "keep-alive"}) {
    HttpClient client{bonedry_.address()};
    const Response response = client.exchange(
        {.target = "/chunked", .headers = {{"Connection", wish}}, .version = "HTTP/1.0"});
    EXPECT_EQ(response.body, "abcdef");
    EXPECT_EQ(response.end, BodyEnd::close);
    EXPECT_FALSE(response.headers.has("Transfer-Encoding"));
  }
}

TEST_P(MessageStory, ABodyThatEndsAtCloseReachesTheClientWhole) {
  alice_.on("/until-close", answering_and_closing("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nHello world"));
  const Response response = client_.get("/until-close");
  EXPECT_EQ(response.body, "Hello world");
  EXPECT_THAT(response.end, testing::AnyOf(BodyEnd::chunked, BodyEnd::close));

  HttpClient old_client{bonedry_.address()};
  const Response old = old_client.exchange({.target = "/until-close", .version = "HTTP/1.0"});
  EXPECT_EQ(old.body, "Hello world");
  EXPECT_EQ(old.end, BodyEnd::close);
  EXPECT_FALSE(old.headers.has("Transfer-Encoding"));
}

TEST_P(MessageStory, AnHttp10NodeIsUnderstood) {
  alice_.on("/old", answering_and_closing("HTTP/1.0 200 OK\r\n\r\nfrom the nineties"));
  alice_.on("/kept", answering("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                               "Content-Length: 4\r\n\r\nkept"));
  for (int i = 0; i < 3; ++i) {
    HttpClient client{bonedry_.address()};
    const Response response = client.get("/old");
    EXPECT_EQ(response.version, "HTTP/1.1");
    EXPECT_EQ(response.body, "from the nineties");
  }
  EXPECT_EQ(client_.get("/kept").body, "kept");
  EXPECT_EQ(client_.get("/kept").body, "kept");
}

TEST_P(MessageStory, AnExpectedContinueGoesEndToEnd) {
  const Gate asked;
  alice_.on("/upload", [asked](NodeExchange& exchange) {
    EXPECT_TRUE(equal_ignoring_case(exchange.request().headers.get("Expect"), "100-continue"));
    asked.open();
    exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
    exchange.respond(201, exchange.read_body().text);
  });
  client_.send(
      "POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_TRUE(asked.wait()) << "the node is asked before the body is there";
  EXPECT_EQ(client_.read_head().status, 100);
  client_.send("body");
  const Response response = client_.read_response("POST");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "body");
  EXPECT_EQ(client_.get("/next").status, 200);
}

TEST_P(MessageStory, ANodeMayRefuseAnExpectedBody) {
  alice_.on("/upload", [](NodeExchange& exchange) {
    exchange.respond(403, "no", {{"Connection", "close"}});
    exchange.close_after();
  });
  client_.send(
      "POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  const Response response = client_.read_response("POST");
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.body, "no");
  EXPECT_TRUE(response.interim.empty()) << "the proxy makes no 100 of its own";
}

TEST_P(MessageStory, EarlyHintsPass) {
  alice_.on("/hints", answering("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                                "HTTP/1.1 103 Early Hints\r\nLink: </b.js>; rel=preload\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"));
  const Response response = client_.get("/hints");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "page");
  ASSERT_EQ(response.interim.size(), 2U);
  EXPECT_EQ(response.interim[0].status, 103);
  EXPECT_EQ(response.interim[0].headers.get("Link"), "</a.css>; rel=preload");
  EXPECT_EQ(response.interim[1].headers.get("Link"), "</b.js>; rel=preload");
  EXPECT_TRUE(set_cookie_value(response).has_value()) << "on the final response";
  EXPECT_FALSE(set_cookie_value(response.interim[0]).has_value());
}

TEST_P(MessageStory, AnHttp10ClientGetsNoInterimResponses) {
  alice_.on("/hints", answering("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"));
  const Response response = client_.exchange({.target = "/hints", .version = "HTTP/1.0"});
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.interim.empty());
  EXPECT_EQ(response.body, "page");
}

TEST_P(MessageStory, AnEarlyResponseArrivesWhileTheBodyIsStillComing) {
  alice_.on("/upload", [](NodeExchange& exchange) {
    exchange.respond(413, "too much", {{"Connection", "close"}});
    exchange.close_after();
  });
  client_.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\nonly a part");
  const Response response = client_.read_response("POST");
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body, "too much");
}

TEST_P(MessageStory, AnEarlyResponseIsNotLostOnAClientThatGoesOnSending) {
  // If the proxy closed immediately, the reset would make the client's kernel drop the response.
  alice_.on("/upload", [](NodeExchange& exchange) {
    exchange.respond(413, "too much", {{"Connection", "close"}});
    exchange.close_after();
  });
  for (int i = 0; i < 10; ++i) {
    HttpClient client{bonedry_.address()};
    client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n");
    try {
      for (int piece = 0; piece < 100; ++piece) client.send(std::string(40'000, 'x'));
    } catch (const ConnectionReset&) {
      // The proxy need not read all of it, as long as the response can still be read.
    }
    const Response response = client.read_response("POST");
    ASSERT_EQ(response.status, 413) << "time " << i;
    ASSERT_EQ(response.body, "too much");
  }
}

TEST_P(MessageStory, AnEarlyResponseDoesNotMixUpTheNextRequest) {
  alice_.on("/upload", [](NodeExchange& exchange) {
    exchange.respond(200, "early");
    if (exchange.read_body().size < 1'000'000) exchange.close_after();
  });
  for (int i = 0; i < 10; ++i) {
    HttpClient client{bonedry_.address()};
    client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    ASSERT_EQ(client.read_response("POST").body, "early");
    try {
      client.send(std::string(1'000'000, 'x'));
      EXPECT_THAT(client.get("/next").body, HasSubstr("/next"));
    } catch (const SocketError&) {
      // The connection may also end here: the rest of the body must not be read as a request.
    }
    EXPECT_EQ(HttpClient{bonedry_.address()}.get("/next").status, 200);
  }
  for (const NodeRequest& seen : alice_.seen()) {
    EXPECT_THAT(seen.path(), testing::AnyOf("/upload", "/next")) << seen.raw_head;
  }
}

TEST_P(MessageStory, SixtyFourMebibytesComeDownUnharmed) {
  alice_.on("/length", [](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kLarge)}}));
    send_pattern(exchange, 1);
  });
  alice_.on("/chunked", [](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}));
    PatternBody body{2, kLarge};
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) exchange.send(chunk(piece));
    exchange.send("0\r\n\r\n");
  });
  alice_.on("/close", [](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {}));
    send_pattern(exchange, 3);
    exchange.close_after();
  });
  std::uint64_t seed = 0;
  for (const char* target : {"/length", "/chunked", "/close"}) {
    HttpClient client{bonedry_.address()};
    client.send(Request{.target = target}.to_wire());
    Sha256 digest;
    const Response response = client.read_response_into(
        [&digest](std::string_view piece) { digest.update(piece); }, "GET", kLargeDeadline);
    EXPECT_TRUE(response.complete()) << target;
    EXPECT_EQ(response.body_size, kLarge) << target;
    EXPECT_EQ(digest.hex(), PatternBody::checksum(++seed, kLarge)) << target;
  }
}

TEST_P(MessageStory, SixtyFourMebibytesGoUpUnharmed) {
  for (const bool chunked : {false, true}) {
    client_.send(
        "POST /up HTTP/1.1\r\nHost: x\r\n" +
        (chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + std::to_string(kLarge)) +
        "\r\n\r\n");
    PatternBody body{4, kLarge};
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
      client_.send(chunked ? chunk(piece) : std::string{piece}, kLargeDeadline);
    }
    if (chunked) client_.send("0\r\n\r\n");
    const Response response = client_.read_response("POST", kLargeDeadline);
    ASSERT_EQ(response.status, 200);
    const auto answer = nlohmann::json::parse(response.body);
    EXPECT_EQ(answer.at("size"), kLarge);
    EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(4, kLarge));
  }
}

TEST_P(MessageStory, LargeBodiesPassBothWaysAtOnce) {
  // The node sends and receives at the same time: neither direction may wait for the other.
  alice_.on("/mirror", [](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kLarge + 4)}}));
    auto sender = std::async(std::launch::async, [&exchange] { send_pattern(exchange, 5); });
    const bool whole = exchange.read_body().sha256 == PatternBody::checksum(6, kLarge);
    sender.get();
    exchange.send(whole ? "good" : "bad!");
  });
  client_.send("POST /mirror HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kLarge) +
               "\r\n\r\n");
  auto sender = std::async(std::launch::async, [this] {
    PatternBody body{6, kLarge};
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
      client_.send(piece, kLargeDeadline);
    }
  });
  std::string last;
  Sha256 digest;
  std::uint64_t seen = 0;
  const BodySink check = [&](std::string_view piece) {
    const auto pattern = std::min<std::uint64_t>(piece.size(), kLarge - seen);
    digest.update(piece.substr(0, pattern));
    last += piece.substr(pattern);
    seen += pattern;
  };
  const Response response = client_.read_response_into(check, "POST", kLargeDeadline);
  sender.get();
  EXPECT_EQ(response.body_size, kLarge + 4);
  EXPECT_EQ(digest.hex(), PatternBody::checksum(5, kLarge));
  EXPECT_EQ(last, "good") << "what the node says of what it got";
}

TEST_P(MessageStory, OptionsForTheWholeServerPasses) {
  const Response response = client_.exchange({.method = "OPTIONS", .target = "*"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(alice_.last("*").method, "OPTIONS");
}

TEST_P(MessageStory, AbsoluteTargetsAreForwardedToTheNode) {
  client_.send("GET http://shop.example/abs?x=1 HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  EXPECT_EQ(client_.read_response().status, 200);
  EXPECT_EQ(alice_.requests(), 1U);
  EXPECT_THAT(alice_.seen().at(0).target, testing::EndsWith("/abs?x=1"));
}

TEST_P(MessageStory, UnknownMethodsAndLongTargetsPassUntouched) {
  const std::string target = "/long?" + std::string(8000, 'q');
  EXPECT_EQ(client_.exchange({.method = "PATCH", .target = target, .body = "{}"}).status, 200);
  const NodeRequest seen = alice_.last("/long");
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, target);
  EXPECT_EQ(client_.exchange({.method = "PROPFIND", .target = "/dav"}).status, 200);
  EXPECT_EQ(alice_.last("/dav").method, "PROPFIND");
}

}  // namespace
}  // namespace bonedry::test
