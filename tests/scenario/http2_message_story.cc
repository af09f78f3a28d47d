// Messages of HTTP/2: bodies, their trailers, and the heads that come before them, between a client
// and a node that speaks HTTP/1.1.
#include "tests/scenario/http2_story.h"

#include <array>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Http2MessageStory : public Http2Story {
 protected:
  void SetUp() override {
    launch_alice();
    client_ = std::make_unique<Http2Client>(address());
  }

  std::unique_ptr<Http2Client> client_;
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2MessageStory, worker_counts(), name_of_workers);

/// What a node says of the body that it got.
nlohmann::json node_says(const Response& response) {
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.complete()) << response.reset;
  return nlohmann::json::parse(response.body);
}

constexpr std::array<std::uint64_t, 6> kBodySizes{0, 1, 16384, 65536, 1 << 20, 8 << 20};

TEST_P(Http2MessageStory, TheNodeSeesAnOrdinaryHttp11Request) {
  EXPECT_EQ(client_->get("/seen", {{"X-Kept", "1"}}).status, 200);
  const NodeRequest seen = alice_.last("/seen");
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

TEST_P(Http2MessageStory, RequestBodiesOfAllSizesWithAnAnnouncedLength) {
  for (const std::uint64_t size : kBodySizes) {
    const StreamId id = client_->begin_upload(
        {.method = "POST", .target = "/up", .headers = {{"Content-Length", std::to_string(size)}}});
    send_pattern(*client_, id, 1, size);
    client_->end(id);
    const nlohmann::json said = node_says(client_->wait(id));
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
    const StreamId id = client_->begin_upload({.method = "POST", .target = "/up"});
    ASSERT_TRUE(alice_.wait_for("/up", before + 1)) << "before its body is there";
    send_pattern(*client_, id, 2, size);
    client_->end(id);
    const nlohmann::json said = node_says(client_->wait(id));
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
      const StreamId id = client_->begin({.target = target});
      EXPECT_EQ(client_->read_head(id).headers.get("Content-Length"),
                target == std::string{"/length"} ? std::to_string(size) : "");
      EXPECT_TRUE(reads_pattern(*client_, id, 3, size)) << target << ' ' << size;
    }
  }
}

TEST_P(Http2MessageStory, TrailersPassBothWays) {
  alice_.on("/echo", [](NodeExchange& exchange) {
    const NodeBody& body = exchange.read_body();
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Sum"}}) +
                  chunk(body.text) + chunk("!") + "0\r\nX-Sum: " + body.trailers.get("X-Sum") +
                  "\r\nX-More: yes\r\n\r\n");
  });
  const StreamId id = client_->begin_upload(
      {.method = "POST", .target = "/echo", .headers = {{"TE", "trailers"}, {"Trailer", "X-Sum"}}});
  client_->send_data(id, "Hello ");
  client_->send_data(id, "world");
  client_->end(id, {{"X-Sum", "42"}});
  const Response response = client_->wait(id);
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
      client_->begin_upload({.method = "POST", .target = "/none", .headers = {{"TE", "trailers"}}});
  client_->end(id, {{"X-Sum", "7"}});
  const Response response = client_->wait(id);
  EXPECT_EQ(response.body_size, 0U);
  EXPECT_EQ(response.trailers.get("X-Sum"), "7");
  EXPECT_TRUE(response.complete());
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
      client_->begin_upload({.method = "POST",
                             .target = "/upload",
                             .headers = {{"Expect", "100-continue"}, {"Content-Length", "4"}}});
  EXPECT_TRUE(asked.wait()) << "the node is asked before the body is there";
  EXPECT_EQ(client_->read_head(id).status, 100);
  client_->send_data(id, "body");
  client_->end(id);
  const Response response = client_->wait(id);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "body");
}

TEST_P(Http2MessageStory, AnEarlyResponseArrivesWhileTheBodyIsStillComing) {
  alice_.on("/upload", [](NodeExchange& exchange) {
    exchange.respond(413, "too much", {{"Connection", "close"}});
    exchange.close_after();
  });
  for (int i = 0; i < 10; ++i) {
    const StreamId id = client_->begin_upload(
        {.method = "POST", .target = "/upload", .headers = {{"Content-Length", "4000000"}}});
    client_->offer_data(id, std::string(4'000'000, 'x'));
    const Response response = client_->wait(id);
    ASSERT_EQ(response.status, 413) << "time " << i;
    ASSERT_EQ(response.body, "too much");
    ASSERT_TRUE(response.complete()) << response.reset;
    ASSERT_EQ(client_->get("/next").status, 200) << "the connection goes on";
  }
}

}  // namespace
}  // namespace bonedry::test
