// Messages, for every way in which clients and nodes speak HTTP: bodies, heads and what comes
// before and after them.
#include "tests/scenario/matrix_story.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;

class MatrixMessageStory : public MatrixStory {
 protected:
  void SetUp() override {
    launch(alice_alone());
    client_ = connect();
  }
  /// The response, after which the connection must go on.
  Response exchange(const Request& request) {
    client_->begin(request);
    Response response = client_->read_response();
    EXPECT_EQ(client_->exchange({.target = "/next"}, kDeadline).status, 200) << request.target;
    return response;
  }

  std::unique_ptr<AnyClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Matrix, MatrixMessageStory, testing::ValuesIn(all_combinations()),
                         name_of_combination);

constexpr std::array<std::uint64_t, 4> kSizes{0, 1, 65537, 1 << 20};

std::string whole_pattern(std::uint64_t seed, std::uint64_t size) {
  std::string whole;
  PatternBody body{seed, size};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) whole += piece;
  return whole;
}

TEST_P(MatrixMessageStory, ResponsesOfAllSizesWithAndWithoutALength) {
  for (const std::uint64_t size : kSizes) {
    const std::string body = whole_pattern(1, size);
    const auto finish = [body](AnyExchange& exchange) {
      exchange.send(body);
      exchange.end();
    };
    alice_.on("/length", [size, finish](AnyExchange& exchange) {
      exchange.send_head(200, {{"Content-Length", std::to_string(size)}});
      finish(exchange);
    });
    alice_.on("/open", [finish](AnyExchange& exchange) {
      exchange.send_head(200);
      finish(exchange);
    });
    alice_.on("/last", [finish](AnyExchange& exchange) {
      exchange.send_head_of_last(200);
      finish(exchange);
    });
    for (const std::string target : {"/length", "/open", "/last"}) {
      const Response response = exchange({.target = target});
      EXPECT_EQ(response.status, 200);
      EXPECT_TRUE(response.complete()) << target << ' ' << size;
      EXPECT_EQ(response.body_size, size) << target;
      EXPECT_TRUE(response.body == body) << target << ' ' << size;
      EXPECT_EQ(response.headers.get("Content-Length"),
                target == "/length" ? std::to_string(size) : "")
          << target;
    }
  }
}

TEST_P(MatrixMessageStory, UploadsOfAllSizesWithAndWithoutALength) {
  for (const std::uint64_t size : kSizes) {
    for (const std::string& length : {std::to_string(size), std::string{}}) {
      Request head{.method = "POST", .target = "/up"};
      if (!length.empty()) head.headers.add("Content-Length", length);
      client_->begin_upload(head);
      if (size > 0) client_->send(whole_pattern(2, size));
      client_->end();
      const Response response = client_->read_response();
      ASSERT_EQ(response.status, 200) << size;
      const auto said = nlohmann::json::parse(response.body);
      EXPECT_EQ(said.at("size"), size);
      EXPECT_EQ(said.at("sha256"), PatternBody::checksum(2, size)) << size;
      const NodeRequest seen = alice_.last("/up");
      EXPECT_EQ(seen.headers.get("Content-Length"), length);
      EXPECT_EQ(seen.headers.get("Transfer-Encoding"),
                length.empty() && nodes().is_http1() ? "chunked" : "");
    }
  }
}

TEST_P(MatrixMessageStory, ResponsesThatHaveNoBody) {
  alice_.on("/page", [](AnyExchange& exchange) { exchange.respond(200, std::string(1234, 'x')); });
  alice_.on("/204", [](AnyExchange& exchange) { exchange.send_head_only(204, {{"X-Kept", "1"}}); });
  alice_.on("/304", [](AnyExchange& exchange) {
    exchange.send_head_only(304, {{"ETag", "\"x\""}, {"Content-Length", "99"}});
  });
  const Response head = exchange({.method = "HEAD", .target = "/page"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.get("Content-Length"), "1234");
  EXPECT_EQ(alice_.last("/page").method, "HEAD");
  const Response no_content = exchange({.target = "/204"});
  EXPECT_EQ(no_content.status, 204);
  EXPECT_EQ(no_content.headers.get("X-Kept"), "1");
  EXPECT_FALSE(no_content.headers.has("Content-Length"));
  const Response not_modified = exchange({.target = "/304"});
  EXPECT_EQ(not_modified.status, 304);
  EXPECT_EQ(not_modified.headers.get("ETag"), "\"x\"");
  for (const Response& each : {head, no_content, not_modified}) {
    EXPECT_EQ(each.body_size, 0U);
    EXPECT_TRUE(each.complete());
    EXPECT_FALSE(each.headers.has("Transfer-Encoding"));
  }
}

TEST_P(MatrixMessageStory, TrailersPassBothWays) {
  alice_.on("/echo", [](AnyExchange& exchange) {
    const NodeBody body = exchange.read_body();
    exchange.send_head(200, {{"Trailer", "X-Sum"}});
    exchange.send(body.text);
    exchange.end({{"X-Sum", body.trailers.get("X-Sum")}, {"X-More", "yes"}});
  });
  for (const std::string body : {"Hello world", ""}) {
    client_->begin_upload({.method = "POST",
                           .target = "/echo",
                           .headers = {{"TE", "trailers"}, {"Trailer", "X-Sum"}}});
    if (!body.empty()) client_->send(body);
    client_->end({{"X-Sum", "42"}});
    const Response response = client_->read_response();
    EXPECT_EQ(response.body, body);
    EXPECT_EQ(response.trailers.get("X-Sum"), "42");
    EXPECT_EQ(response.trailers.get("X-More"), "yes");
    EXPECT_TRUE(response.complete());
  }
}

TEST_P(MatrixMessageStory, EarlyHintsPassBeforeTheResponseIsThere) {
  const Gate hinted;
  alice_.on("/hints", [hinted](AnyExchange& exchange) {
    exchange.send_interim(103, {{"Link", "</a.css>; rel=preload"}});
    exchange.send_interim(103, {{"Link", "</b.js>; rel=preload"}});
    EXPECT_TRUE(hinted.wait());
    exchange.respond(200, "page");
  });
  client_->begin({.target = "/hints"});
  for (const std::string link : {"</a.css>; rel=preload", "</b.js>; rel=preload"}) {
    const Response hint = client_->read_head();
    EXPECT_EQ(hint.status, 103);
    EXPECT_EQ(hint.headers.get("Link"), link);
    EXPECT_FALSE(hint.headers.has("Set-Cookie"));
  }
  hinted.open();
  const Response response = client_->read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "page");
  EXPECT_TRUE(set_cookie_value(response).has_value());
}

TEST_P(MatrixMessageStory, AnExpectedContinueGoesEndToEnd) {
  alice_.on("/taken", [](AnyExchange& exchange) {
    EXPECT_EQ(exchange.request().headers.get("Expect"), "100-continue");
    exchange.send_interim(100, {});
    exchange.respond(201, exchange.read_body().text);
  });
  alice_.on("/refused", [](AnyExchange& exchange) {
    exchange.respond(403, "no");
    exchange.close();
  });
  const Headers fields{{"Expect", "100-continue"}, {"Content-Length", "4"}};
  client_->begin_upload({.method = "POST", .target = "/taken", .headers = fields});
  EXPECT_EQ(client_->read_head().status, 100);
  client_->send("body");
  client_->end();
  const Response taken = client_->read_response();
  EXPECT_EQ(taken.status, 201);
  EXPECT_EQ(taken.body, "body");
  client_->begin_upload({.method = "POST", .target = "/refused", .headers = fields});
  const Response refused = client_->read_response();
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body, "no");
  EXPECT_TRUE(refused.interim.empty()) << "the proxy makes none of its own";
}

TEST_P(MatrixMessageStory, AnEarlyResponseArrivesBeforeTheBodyIsThere) {
  alice_.on("/up", [](AnyExchange& exchange) {
    exchange.respond(413, "too much");
    exchange.close();
  });
  client_->begin_upload(
      {.method = "POST", .target = "/up", .headers = {{"Content-Length", "1000000"}}});
  client_->send("only a part");
  const Response response = client_->read_response();
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body, "too much");
  EXPECT_TRUE(response.complete());
}

TEST_P(MatrixMessageStory, HeadsPassUpToTheLimitAndNoFurther) {
  const auto answer = [](std::size_t size) {
    return [size](AnyExchange& exchange) {
      exchange.respond(200, "ok", {{"X-Large", std::string(size, 'x')}});
    };
  };
  alice_.on("/large", answer(30'000));
  alice_.on("/too-large", answer(33'000));
  const auto with_field = [](const std::string& target, std::size_t size) {
    return Request{.target = target, .headers = {{"X-Large", std::string(size, 'x')}}};
  };
  const Response large = exchange(with_field("/large", 30'000));
  EXPECT_EQ(large.status, 200);
  EXPECT_EQ(large.headers.get("X-Large").size(), 30'000U);
  EXPECT_EQ(alice_.last("/large").headers.get("X-Large").size(), 30'000U);

  const Response refused = ask(with_field("/refused", 33'000));
  EXPECT_EQ(refused.status, 431);
  EXPECT_TRUE(refused.complete());
  Request many{.target = "/refused"};
  for (int i = 0; i < 101; ++i) many.headers.add("X-Many", std::to_string(i));
  EXPECT_EQ(ask(many).status, 431);
  EXPECT_EQ(alice_.requests_for("/refused"), 0U);
  const Response bad = ask({.target = "/too-large"});
  EXPECT_EQ(bad.status, 502);
  EXPECT_TRUE(bad.complete());
}

TEST_P(MatrixMessageStory, TheNodeLearnsWhoAskedAndNothingThatIsForged) {
  const Response response = exchange({.target = "/seen?x=1",
                                      .headers = {{"X-Kept", "1"},
                                                  {"X-Forwarded-For", "192.0.2.1"},
                                                  {"X-Forwarded-Proto", "gopher"},
                                                  {"X-Forwarded-Host", "evil.example"},
                                                  {"X-Real-IP", "192.0.2.1"}}});
  EXPECT_EQ(response.headers.get("X-Node"), "alice");
  EXPECT_EQ(response.headers.get("Via"), nodes().is_http1() ? "1.1 bonedry" : "2.0 bonedry");
  const NodeRequest seen = alice_.last("/seen");
  EXPECT_EQ(seen.version, nodes().is_http1() ? "HTTP/1.1" : "HTTP/2");
  EXPECT_EQ(seen.target, "/seen?x=1");
  const auto all = [&seen](const std::string& name) { return seen.headers.all(name); };
  EXPECT_THAT(all("Host"), ElementsAre("shop.example"));
  EXPECT_THAT(all("X-Kept"), ElementsAre("1"));
  EXPECT_THAT(all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(all("X-Forwarded-Proto"), ElementsAre(clients().is_tls() ? "https" : "http"));
  EXPECT_THAT(all("X-Forwarded-Host"), ElementsAre("shop.example"));
  EXPECT_THAT(all("X-Real-IP"), ElementsAre());
  EXPECT_THAT(all("Via"), ElementsAre(clients().is_http1() ? "1.1 bonedry" : "2.0 bonedry"));
  EXPECT_EQ(seen.headers.count("X-Request-Id"), 1U);
}

}  // namespace
}  // namespace bonedry::test
