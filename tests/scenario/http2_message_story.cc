// Messages of HTTP/2: every form of request, response and body that passes between a client and a
// node, which speaks HTTP/1.1.
#include "tests/scenario/http2_story.h"

#include <array>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Http2MessageStory : public Http2Story {
 protected:
  Http2MessageStory() { launch_alice(); }

  /// The request as the node received it, sent with these fields.
  NodeRequest pass(const Headers& headers) {
    EXPECT_EQ(client().get("/seen", headers).status, 200);
    return alice_.last("/seen");
  }
  Http2Client& client() {
    if (!client_) client_ = std::make_unique<Http2Client>(address());
    return *client_;
  }

 private:
  std::unique_ptr<Http2Client> client_;
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2MessageStory, one_and_four_workers(), name_of_workers);

/// What a node says of the body that it got.
nlohmann::json node_says(const Response& response) {
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.complete()) << response.reset;
  return nlohmann::json::parse(response.body);
}

constexpr std::array<std::uint64_t, 6> kBodySizes{0, 1, 16384, 65536, 1 << 20, 8 << 20};

TEST_P(Http2MessageStory, TheNodeSeesAnOrdinaryHttp11Request) {
  const NodeRequest seen = pass({{"X-Kept", "1"}});
  EXPECT_EQ(seen.version, "HTTP/1.1");
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/seen");
  EXPECT_THAT(seen.headers.all("Host"), ElementsAre("shop.example"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Proto"),
              ElementsAre(story_client_tls() ? "https" : "http"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Host"), ElementsAre("shop.example"));
  EXPECT_THAT(seen.headers.all("Via"), ElementsAre("2.0 bonedry"));
  EXPECT_EQ(seen.headers.get("X-Kept"), "1");
  EXPECT_FALSE(seen.headers.has("Transfer-Encoding"));
  EXPECT_FALSE(seen.headers.has("Content-Length"));
  EXPECT_THAT(seen.raw_head, Not(HasSubstr("\r\n:"))) << "a pseudo-field";
}

TEST_P(Http2MessageStory, MethodsAndTargetsPass) {
  for (const std::string method :
       {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"}) {
    const std::string target = "/m?x=%20" + std::string(2000, 'q');
    EXPECT_EQ(client().exchange({.method = method, .target = target}).status, 200) << method;
    EXPECT_EQ(alice_.last("/m").method, method);
    EXPECT_EQ(alice_.last("/m").target, target);
  }
  EXPECT_EQ(client().exchange({.method = "OPTIONS", .target = "*"}).status, 200);
  EXPECT_EQ(alice_.last("*").method, "OPTIONS");
}

TEST_P(Http2MessageStory, StatusesPass) {
  for (const int status : {200, 201, 206, 301, 404, 418, 500, 503, 599}) {
    alice_.on("/status", [status](NodeExchange& exchange) { exchange.respond(status, "text"); });
    const Response response = client().get("/status");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.body, "text");
    EXPECT_TRUE(response.complete());
  }
}

TEST_P(Http2MessageStory, RequestBodiesOfAllSizesWithAnAnnouncedLength) {
  for (const std::uint64_t size : kBodySizes) {
    const StreamId id = client().begin_upload(
        {.method = "POST", .target = "/up", .headers = {{"Content-Length", std::to_string(size)}}});
    send_pattern(client(), id, 1, size);
    client().end(id);
    const nlohmann::json said = node_says(client().wait(id));
    EXPECT_EQ(said.at("size"), size);
    EXPECT_EQ(said.at("sha256"), PatternBody::checksum(1, size));
    EXPECT_THAT(alice_.last("/up").headers.all("Content-Length"),
                ElementsAre(std::to_string(size)));
    EXPECT_FALSE(alice_.last("/up").headers.has("Transfer-Encoding"));
  }
}

TEST_P(Http2MessageStory, RequestBodiesOfAllSizesWithoutALengthAreChunked) {
  for (const std::uint64_t size : kBodySizes) {
    const std::size_t before = alice_.requests_for("/up");
    const StreamId id = client().begin_upload({.method = "POST", .target = "/up"});
    ASSERT_TRUE(alice_.wait_for("/up", before + 1)) << "before its body is there";
    send_pattern(client(), id, 2, size);
    client().end(id);
    const nlohmann::json said = node_says(client().wait(id));
    EXPECT_EQ(said.at("size"), size);
    EXPECT_EQ(said.at("sha256"), PatternBody::checksum(2, size));
    EXPECT_THAT(alice_.last("/up").headers.all("Transfer-Encoding"), ElementsAre("chunked"));
    EXPECT_FALSE(alice_.last("/up").headers.has("Content-Length"));
  }
}

TEST_P(Http2MessageStory, ResponseBodiesOfAllSizesAndFramings) {
  for (const std::uint64_t size : kBodySizes) {
    alice_.on("/length", sending_pattern(3, size));
    alice_.on("/chunked", [size](NodeExchange& exchange) {
      exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}));
      PatternBody body{3, size};
      for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
        exchange.send(chunk(piece));
      }
      exchange.send("0\r\n\r\n");
    });
    alice_.on("/close", [size](NodeExchange& exchange) {
      exchange.send(exchange.head(200, {}));
      PatternBody body{3, size};
      for (auto piece = body.next(); !piece.empty(); piece = body.next()) exchange.send(piece);
      exchange.close_after();
    });
    for (const char* target : {"/length", "/chunked", "/close"}) {
      const StreamId id = client().begin({.target = target});
      EXPECT_EQ(client().read_head(id).headers.get("Content-Length"),
                target == std::string{"/length"} ? std::to_string(size) : "");
      EXPECT_TRUE(reads_pattern(client(), id, 3, size)) << target << ' ' << size;
    }
  }
}

TEST_P(Http2MessageStory, AHeadResponseHasALengthAndNoBody) {
  alice_.on("/page", answering("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-A: b\r\n\r\n"));
  alice_.on("/chunked", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const Response page = client().exchange({.method = "HEAD", .target = "/page"});
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.get("Content-Length"), "1234");
  EXPECT_EQ(page.headers.get("X-A"), "b");
  EXPECT_EQ(page.body_size, 0U);
  EXPECT_TRUE(page.complete());
  EXPECT_EQ(alice_.last("/page").method, "HEAD");
  EXPECT_TRUE(client().exchange({.method = "HEAD", .target = "/chunked"}).complete());
}

TEST_P(Http2MessageStory, NoContentAndNotModifiedHaveNoBody) {
  alice_.on("/204", answering("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"));
  alice_.on("/304",
            answering("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n"));
  const Response no_content = client().get("/204");
  EXPECT_EQ(no_content.status, 204);
  EXPECT_EQ(no_content.headers.get("X-A"), "b");
  EXPECT_TRUE(no_content.complete());
  const Response not_modified = client().get("/304");
  EXPECT_EQ(not_modified.status, 304);
  EXPECT_EQ(not_modified.headers.get("ETag"), "\"x\"");
  EXPECT_TRUE(not_modified.complete());
  EXPECT_EQ(client().get("/next").status, 200);
}

TEST_P(Http2MessageStory, TrailersPassBothWays) {
  alice_.on("/echo", [](NodeExchange& exchange) {
    const NodeBody& body = exchange.read_body();
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Sum"}}) +
                  chunk(body.text) + chunk("!") + "0\r\nX-Sum: " + body.trailers.get("X-Sum") +
                  "\r\nX-More: yes\r\n\r\n");
  });
  const StreamId id = client().begin_upload(
      {.method = "POST", .target = "/echo", .headers = {{"TE", "trailers"}, {"Trailer", "X-Sum"}}});
  client().send_data(id, "Hello ");
  client().send_data(id, "world");
  client().end(id, {{"X-Sum", "42"}});
  const Response response = client().wait(id);
  EXPECT_EQ(response.body, "Hello world!");
  EXPECT_EQ(response.trailers.get("X-Sum"), "42");
  EXPECT_EQ(response.trailers.get("X-More"), "yes");
  EXPECT_TRUE(response.complete());
}

TEST_P(Http2MessageStory, TrailersPassBehindAnEmptyBody) {
  alice_.on("/none", [](NodeExchange& exchange) {
    const std::string sum = exchange.read_body().trailers.get("X-Sum");
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}) + "0\r\nX-Sum: " + sum +
                  "\r\n\r\n");
  });
  const StreamId id =
      client().begin_upload({.method = "POST", .target = "/none", .headers = {{"TE", "trailers"}}});
  client().end(id, {{"X-Sum", "7"}});
  const Response response = client().wait(id);
  EXPECT_EQ(response.body_size, 0U);
  EXPECT_EQ(response.trailers.get("X-Sum"), "7");
  EXPECT_TRUE(response.complete());
}

TEST_P(Http2MessageStory, EarlyHintsPass) {
  alice_.on("/hints", answering("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                                "HTTP/1.1 103 Early Hints\r\nLink: </b.js>; rel=preload\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"));
  const Response response = client().get("/hints");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "page");
  ASSERT_EQ(response.interim.size(), 2U);
  EXPECT_EQ(response.interim[0].status, 103);
  EXPECT_EQ(response.interim[0].headers.get("Link"), "</a.css>; rel=preload");
  EXPECT_EQ(response.interim[1].headers.get("Link"), "</b.js>; rel=preload");
  EXPECT_TRUE(set_cookie_value(response).has_value()) << "on the final response";
  EXPECT_FALSE(set_cookie_value(response.interim[0]).has_value());
}

TEST_P(Http2MessageStory, AnExpectedContinueGoesEndToEnd) {
  const Gate asked;
  alice_.on("/upload", [asked](NodeExchange& exchange) {
    EXPECT_TRUE(equal_ignoring_case(exchange.request().headers.get("Expect"), "100-continue"));
    asked.open();
    exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
    exchange.respond(201, exchange.read_body().text);
  });
  const StreamId id =
      client().begin_upload({.method = "POST",
                             .target = "/upload",
                             .headers = {{"Expect", "100-continue"}, {"Content-Length", "4"}}});
  EXPECT_TRUE(asked.wait()) << "the node is asked before the body is there";
  EXPECT_EQ(client().read_head(id).status, 100);
  client().send_data(id, "body");
  client().end(id);
  const Response response = client().wait(id);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "body");
}

TEST_P(Http2MessageStory, AnEarlyResponseArrivesWhileTheBodyIsStillComing) {
  alice_.on("/upload", [](NodeExchange& exchange) {
    exchange.respond(413, "too much", {{"Connection", "close"}});
    exchange.close_after();
  });
  for (int i = 0; i < 10; ++i) {
    const StreamId id = client().begin_upload(
        {.method = "POST", .target = "/upload", .headers = {{"Content-Length", "4000000"}}});
    client().offer_data(id, std::string(4'000'000, 'x'));
    const Response response = client().wait(id);
    ASSERT_EQ(response.status, 413) << "time " << i;
    ASSERT_EQ(response.body, "too much");
    ASSERT_TRUE(response.complete()) << response.reset;
    ASSERT_EQ(client().get("/next").status, 200) << "the connection goes on";
  }
}

TEST_P(Http2MessageStory, CookieCrumbsBecomeOneLineWithoutOurs) {
  const std::string ours = "bonedry=" + set_cookie_value(client().get("/")).value_or("none");
  for (const std::string& all :
       {"a=1; " + ours + "; b=2", ours + "; a=1; b=2", "a=1; b=2; " + ours}) {
    const NodeRequest seen = pass({{"Cookie", all}});  // the client sends each in its own field
    EXPECT_THAT(seen.headers.all("Cookie"), ElementsAre("a=1; b=2"));
    EXPECT_THAT(seen.raw_head, Not(HasSubstr("bonedry=")));
  }
  EXPECT_FALSE(pass({{"Cookie", ours}}).headers.has("Cookie"));
  EXPECT_THAT(pass({{"Cookie", "a=1; b=2; c=3"}}).headers.all("Cookie"),
              ElementsAre("a=1; b=2; c=3"));
}

TEST_P(Http2MessageStory, ACookieInCrumbsIsRecognised) {
  User user{address(), User::Protocol::http2};
  user.set_cookie("a", "1");
  user.set_cookie("z", "2");
  EXPECT_TRUE(set_cookie_value(user.click()).has_value());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(node(alice_).live, 1);
}

TEST_P(Http2MessageStory, NoFieldOfTheNodesConnectionReachesTheClient) {
  alice_.on("/hop", answering("HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\n"
                              "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                              "Upgrade: h2c\r\nX-Secret: 1\r\nX-KEPT: 3\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
  const Response response = client().get("/hop");
  for (const char* name : {"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "X-Secret",
                           "Transfer-Encoding"}) {
    EXPECT_FALSE(response.headers.has(name)) << name;
  }
  EXPECT_EQ(response.body, "ok");
  EXPECT_EQ(response.headers.get("X-Kept"), "3");
  for (const Header& field : response.headers) {
    EXPECT_THAT(field.name, Not(testing::ContainsRegex("[A-Z]")));
  }
}

TEST_P(Http2MessageStory, SetCookiesOfTheNodeAreAllKept) {
  alice_.on("/cookies", answering("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\n"
                                  "Set-Cookie: b=2; HttpOnly\r\nContent-Length: 0\r\n\r\n"));
  const std::vector<std::string> all = client().get("/cookies").headers.all("Set-Cookie");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all, testing::IsSupersetOf({"a=1; Path=/", "b=2; HttpOnly"}));
  EXPECT_THAT(all, testing::Contains(StartsWith("bonedry=")));
}

TEST_P(Http2MessageStory, ViaIsAddedToTheResponse) {
  alice_.on("/via", answering("HTTP/1.1 200 OK\r\nVia: 1.1 cache\r\nContent-Length: 0\r\n\r\n"));
  std::string via;
  for (const std::string& value : client().get("/via").headers.all("Via")) {
    via += (via.empty() ? "" : ", ") + value;
  }
  EXPECT_EQ(via, "1.1 cache, 1.1 bonedry");
}

TEST_P(Http2MessageStory, AClientCannotForgeItsAddress) {
  const NodeRequest seen = pass({{"X-Forwarded-For", "192.0.2.1"},
                                 {"X-Forwarded-For", "192.0.2.3"},
                                 {"X-Forwarded-Host", "evil.example"}});
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Host"), ElementsAre("shop.example"));
}

TEST_P(Http2MessageStory, AHeadThatIsTooLargeIsAnsweredWith431) {
  const Response response =
      client().get("/", {{"X-Long", std::string(40'000, 'x')}});  // 32 KiB by default
  EXPECT_EQ(response.status, 431);
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(client().get("/next").status, 200) << "the connection goes on";
  Headers many;
  for (int i = 0; i < 150; ++i) many.add("X-" + std::to_string(i), "1");
  EXPECT_EQ(client().get("/", many).status, 431);
  EXPECT_EQ(client().get("/next").status, 200);
}

TEST_P(Http2MessageStory, TheCombinedLogNamesTheVersion) {
  TestConfig combined = shop(workers(), {alice_});
  combined.server = {"[log]", "format = \"combined\""};
  launch_http2(combined);
  EXPECT_EQ(Http2Client{address()}.get("/logged").status, 200);
  EXPECT_TRUE(eventually_logged("\"GET /logged HTTP/2.0\" 200 ")) << bonedry_->out();
}

}  // namespace
}  // namespace bonedry::test
