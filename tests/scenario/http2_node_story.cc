// Messages between clients of both protocols and a node that speaks HTTP/2.
#include "tests/scenario/http2_node_story.h"

#include <future>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;

constexpr std::array<std::uint64_t, 6> kSizes{0, 1, 16384, 65536, 1 << 20, 8 << 20};

class Http2NodeMessageStory : public Http2NodeStory {
 protected:
  void SetUp() override { launch_alice(); }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2NodeMessageStory, worker_counts(), name_of_workers);

TEST_P(Http2NodeMessageStory, TheNodeSeesAnOrdinaryHttp2Request) {
  for (const User::Protocol protocol : kBothProtocols) {
    const Response response = ask(protocol, {.target = "/seen?x=1", .headers = {{"X-Kept", "1"}}});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.get("X-Node"), "alice");
    const Http2NodeRequest seen = alice_.last("/seen");
    EXPECT_EQ(seen.pseudo.get(":method"), "GET");
    EXPECT_EQ(seen.pseudo.get(":scheme"), story_node_tls() ? "https" : "http");
    EXPECT_EQ(seen.pseudo.get(":authority"), "shop.example");
    EXPECT_EQ(seen.pseudo.get(":path"), "/seen?x=1");
    EXPECT_FALSE(seen.headers.has("Host"));
    EXPECT_EQ(seen.headers.get("X-Kept"), "1");
    EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
    EXPECT_THAT(seen.headers.all("X-Forwarded-Proto"),
                ElementsAre(story_client_tls() ? "https" : "http"));
    EXPECT_THAT(seen.headers.all("X-Forwarded-Host"), ElementsAre("shop.example"));
    EXPECT_THAT(seen.headers.all("Via"),
                ElementsAre(protocol == User::Protocol::http1 ? "1.1 bonedry" : "2.0 bonedry"));
    EXPECT_EQ(seen.headers.count("X-Request-Id"), 1U);
    EXPECT_EQ(seen.body.end, BodyEnd::stream);
  }
  EXPECT_EQ(alice_.connections(), 1U);
}

TEST_P(Http2NodeMessageStory, WhatConcernsTheConnectionOnlyDoesNotPass) {
  const Response response =
      ask(User::Protocol::http1, {.target = "/seen",
                                  .headers = {{"Connection", "keep-alive, X-Hop"},
                                              {"Keep-Alive", "timeout=5"},
                                              {"Proxy-Connection", "keep-alive"},
                                              {"X-Hop", "1"}}});
  EXPECT_EQ(response.status, 200);
  const Headers seen = alice_.last("/seen").headers;
  for (const std::string name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "X-Hop", "Transfer-Encoding", "Upgrade"}) {
    EXPECT_FALSE(seen.has(name)) << name;
  }
}

TEST_P(Http2NodeMessageStory, TeTrailersPassesAndNothingElseOfIt) {
  EXPECT_EQ(ask(User::Protocol::http2, {.target = "/seen", .headers = {{"TE", "trailers"}}}).status,
            200);
  EXPECT_EQ(alice_.last("/seen").headers.get("TE"), "trailers");
  EXPECT_EQ(ask(User::Protocol::http1,
                {.target = "/seen", .headers = {{"TE", "trailers, gzip"}, {"Connection", "TE"}}})
                .status,
            200);
  EXPECT_THAT(alice_.last("/seen").headers.get("TE"), AnyOf("", "trailers"));
}

TEST_P(Http2NodeMessageStory, OurCookieIsRemovedAndOthersPass) {
  for (const User::Protocol protocol : kBothProtocols) {
    User user{address(), protocol};
    user.set_cookie("cart", "7");
    EXPECT_EQ(user.click().status, 200);
    EXPECT_TRUE(user.has_cookie());
    user.set_cookie("lang", "en");
    const auto said = nlohmann::json::parse(user.click("/next").body);
    EXPECT_THAT(said.at("cookie").get<std::string>(), AnyOf("cart=7; lang=en", "lang=en; cart=7"));
    EXPECT_EQ(user.node(), "alice");
  }
  EXPECT_EQ(node(alice_).live, 2);
}

TEST_P(Http2NodeMessageStory, LongFieldsPassBothWays) {
  const std::string value(20'000, 'v');
  alice_.on("/long", [](Http2NodeExchange& exchange) {
    exchange.respond(200, "ok", {{"X-Long", exchange.request().headers.get("X-Long")}});
  });
  for (const User::Protocol protocol : kBothProtocols) {
    const Response response = ask(protocol, {.target = "/long", .headers = {{"X-Long", value}}});
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.headers.get("X-Long") == value);
  }
}

TEST_P(Http2NodeMessageStory, RequestBodiesOfAllSizesWithAnAnnouncedLength) {
  for (const User::Protocol protocol : kBothProtocols) {
    for (const std::uint64_t size : kSizes) {
      const std::string body(size, 'u');
      const Response response =
          ask(protocol, {.method = "POST",
                         .target = "/up",
                         .headers = {{"Content-Length", std::to_string(size)}},
                         .body = body});
      ASSERT_EQ(response.status, 200) << size;
      const Http2NodeRequest seen = alice_.last("/up");
      EXPECT_EQ(seen.body.size, size);
      EXPECT_EQ(seen.body.sha256, sha256(body));
      EXPECT_THAT(seen.headers.all("Content-Length"), ElementsAre(std::to_string(size)));
    }
  }
}

TEST_P(Http2NodeMessageStory, RequestBodiesWithoutALengthEndWithTheirStream) {
  for (const std::uint64_t size : kSizes) {
    Http2Client client{address()};
    const std::size_t before = alice_.requests_for("/up");
    const StreamId id = client.begin_upload({.method = "POST", .target = "/up"});
    ASSERT_TRUE(alice_.wait_for("/up", before + 1)) << "before its body is there";
    send_pattern(client, id, 2, size);
    client.end(id);
    EXPECT_EQ(client.wait(id).status, 200);
    EXPECT_EQ(alice_.last("/up").body.sha256, PatternBody::checksum(2, size));
    EXPECT_FALSE(alice_.last("/up").headers.has("Content-Length"));

    HttpClient old{address()};
    const Request chunked{
        .method = "POST", .target = "/up", .headers = {{"Transfer-Encoding", "chunked"}}};
    old.send(chunked.to_wire());
    PatternBody body{3, size};
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) old.send(chunk(piece));
    old.send("0\r\n\r\n");
    EXPECT_EQ(old.read_response("POST").status, 200);
    EXPECT_EQ(alice_.last("/up").body.sha256, PatternBody::checksum(3, size));
    EXPECT_FALSE(alice_.last("/up").headers.has("Content-Length"));
  }
}

TEST_P(Http2NodeMessageStory, ResponseBodiesOfAllSizesWithAndWithoutALength) {
  for (const std::uint64_t size : kSizes) {
    const Headers length{{"Content-Length", std::to_string(size)}};
    alice_.on("/length", sending_pattern(4, size, length));
    alice_.on("/stream", sending_pattern(4, size, {}));
    for (const std::string target : {"/length", "/stream"}) {
      Http2Client client{address()};
      const StreamId id = client.begin({.target = target});
      EXPECT_EQ(client.read_head(id).headers.get("Content-Length"),
                target == "/length" ? std::to_string(size) : "");
      EXPECT_TRUE(reads_pattern(client, id, 4, size)) << target << ' ' << size;

      HttpClient old{address()};
      old.send(Request{.target = target}.to_wire());
      Sha256 digest;
      const Response response = old.read_response_into(
          [&](std::string_view piece) { digest.update(piece); }, "GET", kDeadline * 4);
      EXPECT_EQ(response.body_size, size);
      EXPECT_EQ(digest.hex(), PatternBody::checksum(4, size));
      EXPECT_EQ(response.end, target == "/length" ? BodyEnd::length : BodyEnd::chunked) << size;
      EXPECT_EQ(old.get("/next").status, 200) << "the connection goes on";
    }
  }
}

TEST_P(Http2NodeMessageStory, AnHttp10ClientGetsABodyWithoutALengthToTheEndOfTheConnection) {
  alice_.on("/stream", sending_pattern(5, 100'000, {}));
  HttpClient old{address()};
  const Response response = old.exchange({.target = "/stream", .version = "HTTP/1.0"}, kDeadline);
  EXPECT_EQ(response.end, BodyEnd::close);
  EXPECT_EQ(sha256(response.body), PatternBody::checksum(5, 100'000));
}

TEST_P(Http2NodeMessageStory, ResponsesWithoutABody) {
  alice_.on("/204", [](Http2NodeExchange& exchange) {
    exchange.send_head_only(204, {{"X-A", "b"}});
  });
  alice_.on("/304", [](Http2NodeExchange& exchange) {
    exchange.send_head_only(304, {{"ETag", "\"x\""}, {"Content-Length", "99"}});
  });
  alice_.on("/empty", [](Http2NodeExchange& exchange) { exchange.send_head_only(200); });
  alice_.on("/empty-length", [](Http2NodeExchange& exchange) { exchange.respond(200, ""); });
  alice_.on("/empty-data", [](Http2NodeExchange& exchange) {
    exchange.send_head(200);
    exchange.end();
  });
  for (const User::Protocol protocol : kBothProtocols) {
    const auto client = connect(protocol);
    const auto get = [&](const std::string& target) {
      return client->exchange({.target = target}, kDeadline);
    };
    const Response no_content = get("/204");
    EXPECT_EQ(no_content.status, 204);
    EXPECT_EQ(no_content.headers.get("X-A"), "b");
    EXPECT_FALSE(no_content.headers.has("Transfer-Encoding"));
    EXPECT_FALSE(no_content.headers.has("Content-Length"));
    const Response not_modified = get("/304");
    EXPECT_EQ(not_modified.status, 304);
    EXPECT_EQ(not_modified.headers.get("ETag"), "\"x\"");
    for (const std::string target : {"/empty", "/empty-length", "/empty-data"}) {
      const Response empty = get(target);
      EXPECT_EQ(empty.status, 200) << target;
      EXPECT_EQ(empty.body_size, 0U) << target;
      EXPECT_TRUE(empty.complete()) << target;
    }
    EXPECT_EQ(get("/next").status, 200) << "not a byte of a body came between";
  }
}

TEST_P(Http2NodeMessageStory, AHeadResponseHasNoBody) {
  alice_.on("/length", [](Http2NodeExchange& exchange) {
    exchange.send_head_only(200, {{"Content-Length", "1234"}});
  });
  alice_.on("/bare", [](Http2NodeExchange& exchange) { exchange.send_head_only(200); });
  alice_.on("/data", [](Http2NodeExchange& exchange) {
    exchange.send_head(200, {{"Content-Length", "1234"}});
    exchange.end();
  });
  for (const User::Protocol protocol : kBothProtocols) {
    const auto client = connect(protocol);
    for (const std::string target : {"/length", "/bare", "/data"}) {
      const Response response = client->exchange({.method = "HEAD", .target = target}, kDeadline);
      EXPECT_EQ(response.status, 200) << target;
      EXPECT_TRUE(response.complete()) << target;
      EXPECT_EQ(response.headers.get("Content-Length"), target == "/bare" ? "" : "1234");
      EXPECT_EQ(alice_.last(target).method, "HEAD");
      EXPECT_EQ(client->exchange({.target = "/next"}, kDeadline).status, 200) << target;
    }
  }
}

TEST_P(Http2NodeMessageStory, TrailersPassBothWays) {
  alice_.on("/echo", [](Http2NodeExchange& exchange) {
    const NodeBody body = exchange.read_body();
    exchange.respond(200, body.text + "!", {{"Trailer", "X-Sum"}},
                     {{"X-Sum", body.trailers.get("X-Sum")}, {"X-More", "yes"}});
  });
  Http2Client client{address()};
  const StreamId id = client.begin_upload(
      {.method = "POST", .target = "/echo", .headers = {{"TE", "trailers"}, {"Trailer", "X-Sum"}}});
  client.send_data(id, "Hello world");
  client.end(id, {{"X-Sum", "42"}});
  HttpClient old{address()};
  old.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      chunk("Hello world") + "0\r\nX-Sum: 42\r\n\r\n");
  for (const Response& response : {client.wait(id), old.read_response("POST")}) {
    EXPECT_EQ(response.body, "Hello world!");
    EXPECT_EQ(response.trailers.get("X-Sum"), "42") << response.version;
    EXPECT_EQ(response.trailers.get("X-More"), "yes") << response.version;
    EXPECT_TRUE(response.complete());
  }
}

TEST_P(Http2NodeMessageStory, TrailersPassBehindAnEmptyBody) {
  alice_.on("/none", [](Http2NodeExchange& exchange) {
    const std::string sum = exchange.read_body().trailers.get("X-Sum");
    exchange.respond(200, "", {}, {{"X-Sum", sum}});
  });
  Http2Client client{address()};
  const StreamId id =
      client.begin_upload({.method = "POST", .target = "/none", .headers = {{"TE", "trailers"}}});
  client.end(id, {{"X-Sum", "7"}});
  const Response response = client.wait(id);
  EXPECT_EQ(response.body_size, 0U);
  EXPECT_EQ(response.trailers.get("X-Sum"), "7");
  EXPECT_TRUE(response.complete());
}

TEST_P(Http2NodeMessageStory, EarlyHintsPass) {
  const Gate hinted;
  alice_.on("/hints", [hinted](Http2NodeExchange& exchange) {
    exchange.send_interim(103, {{"Link", "</a.css>"}});
    exchange.send_interim(103, {{"Link", "</b.css>"}});
    (void)hinted.wait();
    exchange.respond(200, "page");
  });
  Http2Client client{address()};
  HttpClient old{address()};
  const StreamId id = client.begin({.target = "/hints"});
  old.send(Request{.target = "/hints"}.to_wire());
  for (const std::string link : {"</a.css>", "</b.css>"}) {
    for (const Response& hint : {client.read_head(id), old.read_head()}) {
      EXPECT_EQ(hint.status, 103);
      EXPECT_EQ(hint.headers.get("Link"), link) << "before the response is there";
    }
  }
  hinted.open();
  EXPECT_EQ(client.wait(id).body, "page");
  EXPECT_EQ(old.read_response().body, "page");
}

TEST_P(Http2NodeMessageStory, AnExpectedContinueGoesEndToEnd) {
  const Gate asked;
  alice_.on("/upload", [asked](Http2NodeExchange& exchange) {
    EXPECT_EQ(exchange.request().headers.get("Expect"), "100-continue");
    asked.open();
    exchange.send_interim(100, {});
    exchange.respond(201, exchange.read_body().text);
  });
  HttpClient client{address()};
  client.send(
      "POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_TRUE(asked.wait()) << "the node is asked before the body is there";
  EXPECT_EQ(client.read_head().status, 100);
  client.send("body");
  const Response response = client.read_response("POST");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "body");
}

TEST_P(Http2NodeMessageStory, AnEarlyResponseArrivesWhileTheBodyIsStillComing) {
  alice_.on("/upload", [](Http2NodeExchange& exchange) {
    exchange.respond(413, "too much");
    exchange.reset("NO_ERROR");  // RFC 9113, section 8.1: it does not want the rest
  });
  for (int i = 0; i < 5; ++i) {
    Http2Client client{address()};
    const StreamId id = client.begin_upload(
        {.method = "POST", .target = "/upload", .headers = {{"Content-Length", "4000000"}}});
    client.offer_data(id, std::string(4'000'000, 'x'));
    const Response response = client.wait(id);
    ASSERT_EQ(response.status, 413) << "time " << i;
    ASSERT_EQ(response.body, "too much");
    ASSERT_TRUE(response.complete()) << response.reset;
    ASSERT_EQ(client.get("/next").status, 200) << "the connection goes on";
  }
  EXPECT_EQ(alice_.connections(), 1U);
}

TEST_P(Http2NodeMessageStory, BytesPassAsTheyCome) {
  alice_.on("/echo", [](Http2NodeExchange& exchange) {
    exchange.send_head(200);
    for (std::string piece = exchange.receive(4); !piece.empty(); piece = exchange.receive(4)) {
      exchange.send_data(piece + "!");
    }
    exchange.end();
  });
  Http2Client client{address()};
  const StreamId id = client.begin_upload({.method = "POST", .target = "/echo"});
  for (int i = 0; i < 20; ++i) {
    client.send_data(id, "ping");
    ASSERT_EQ(client.receive(id, 5), "ping!") << i;
  }
  client.end(id);
  EXPECT_TRUE(client.wait(id).complete());
}

TEST_P(Http2NodeMessageStory, AnOptionsRequestForTheServerPasses) {
  EXPECT_EQ(ask(User::Protocol::http1, {.method = "OPTIONS", .target = "*"}).status, 200);
  EXPECT_EQ(alice_.last("*").pseudo.get(":path"), "*");
  EXPECT_EQ(alice_.last("*").method, "OPTIONS");
}

}  // namespace
}  // namespace bonedry::test
