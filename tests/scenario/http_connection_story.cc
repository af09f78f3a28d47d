// Connections: how long they live, which side closes them, and in which order they carry messages.
#include "tests/scenario/story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

class ConnectionStory : public Story {
 protected:
  FakeNode alice_{"alice"};
  BonedryProcess bonedry_{shop(workers(), {alice_})};
  HttpClient client_{bonedry_.address()};
};

INSTANTIATE_TEST_SUITE_P(Workers, ConnectionStory, worker_counts(), name_of_workers);

TEST_P(ConnectionStory, OneConnectionCarriesTenThousandRequests) {
  const Response first = client_.get("/n/first");
  const Headers cookie = {{"Cookie", "bonedry=" + set_cookie_value(first).value_or("none")}};
  for (int i = 0; i < 10'000; ++i) {
    const std::string target = "/n/" + std::to_string(i);
    const Response response = client_.get(target, cookie);
    ASSERT_EQ(response.status, 200) << target;
    ASSERT_THAT(response.body, HasSubstr("\"" + target + "\""));
    ASSERT_FALSE(response.headers.has("Set-Cookie")) << target;
  }
  EXPECT_EQ(alice_.requests(), 10'001U);
  EXPECT_LE(alice_.connections(), 2U) << "the node's connection is kept as well";
}

TEST_P(ConnectionStory, AnHttp10ClientIsAnsweredAndTheConnectionCloses) {
  const Response response = client_.exchange({.target = "/old", .version = "HTTP/1.0"});
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("alice"));
  EXPECT_FALSE(response.headers.has("Transfer-Encoding"));
  EXPECT_FALSE(response.headers.has_token("Connection", "keep-alive"));
  EXPECT_TRUE(client_.closed_by_peer());
}

TEST_P(ConnectionStory, AnHttp10ClientNeedsNoHost) {
  client_.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client_.read_response().status, 200);
  EXPECT_TRUE(client_.closed_by_peer());
}

TEST_P(ConnectionStory, AnHttp10ClientMayAskToKeepTheConnection) {
  for (int i = 0; i < 3; ++i) {
    const Response response = client_.exchange(
        {.target = "/old", .headers = {{"Connection", "keep-alive"}}, .version = "HTTP/1.0"});
    ASSERT_EQ(response.status, 200);
    ASSERT_EQ(response.end, BodyEnd::length);
    ASSERT_TRUE(response.headers.has_token("Connection", "keep-alive"));
  }
  EXPECT_TRUE(client_.is_idle_and_open());
}

TEST_P(ConnectionStory, AClientThatAsksForCloseGetsIt) {
  const Response response =
      client_.exchange({.target = "/a", .headers = {{"Connection", "close"}}});
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.headers.has_token("Connection", "close"));
  EXPECT_TRUE(client_.closed_by_peer());
  EXPECT_FALSE(alice_.last("/a").headers.has_token("Connection", "close"))
      << "that was between the client and us";
}

TEST_P(ConnectionStory, ANodeThatClosesDoesNotCloseTheClient) {
  alice_.on("/close", answering_and_closing(
                          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"));
  for (std::size_t i = 1; i <= 5; ++i) {
    const Response response = client_.get("/close");
    ASSERT_EQ(response.body, "ok");
    ASSERT_FALSE(response.headers.has_token("Connection", "close"));
    ASSERT_EQ(alice_.connections(), i);
  }
  EXPECT_TRUE(client_.is_idle_and_open());
}

TEST_P(ConnectionStory, ANodeThatDropsIdleConnectionsLosesNoRequest) {
  // It closes after each response without announcing it: the proxy notices only at the next use.
  alice_.on("/rude", [](NodeExchange& exchange) {
    exchange.respond(200, "ok");
    exchange.close_after();
  });
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client_.get("/rude").status, 200) << "request " << i;
}

TEST_P(ConnectionStory, FiftyPipelinedRequestsAreAnsweredInOrder) {
  const Gate gate;
  alice_.on("/p/0", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    answer_plainly(exchange);
  });
  std::string all;
  for (int i = 0; i < 50; ++i) all += Request{.target = "/p/" + std::to_string(i)}.to_wire();
  client_.send(all);
  ASSERT_TRUE(alice_.wait_for("/p/0", 1));
  EXPECT_FALSE(client_.socket().wait_readable(Millis{50})) << "nothing may overtake the first";
  gate.open();
  for (int i = 0; i < 50; ++i) {
    const Response response = client_.read_response();
    ASSERT_EQ(response.status, 200);
    ASSERT_THAT(response.body, HasSubstr("\"/p/" + std::to_string(i) + "\""));
  }
  EXPECT_TRUE(client_.is_idle_and_open());
}

TEST_P(ConnectionStory, PipelinedRequestsMayHaveBodies) {
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string body(static_cast<std::size_t>(i) * 100, 'x');
    if (i % 2 == 0) {
      all += "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body;
    } else {
      all += "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) +
             "0\r\n\r\n";
    }
  }
  client_.send(all);
  for (int i = 0; i < 20; ++i) {
    const auto answer = nlohmann::json::parse(client_.read_response("POST").body);
    ASSERT_EQ(answer.at("size"), i * 100);
  }
}

TEST_P(ConnectionStory, NothingIsServedAfterAPipelinedClose) {
  client_.send(Request{.target = "/1"}.to_wire() +
               Request{.target = "/2", .headers = {{"Connection", "close"}}}.to_wire() +
               Request{.target = "/3"}.to_wire());
  EXPECT_EQ(client_.read_response().status, 200);
  EXPECT_EQ(client_.read_response().status, 200);
  EXPECT_TRUE(client_.closed_by_peer());
  EXPECT_EQ(alice_.requests_for("/3"), 0U);
}

TEST_P(ConnectionStory, ARequestMayComeOneByteAtATime) {
  client_.send_byte_by_byte(
      "POST /bytes?a=b HTTP/1.1\r\nHost: shop.example\r\nX-Word: one two\r\n"
      "Transfer-Encoding: chunked\r\n\r\n6;note=x\r\nHello \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n");
  const Response response = client_.read_response("POST");
  ASSERT_EQ(response.status, 200);
  const auto answer = nlohmann::json::parse(response.body);
  EXPECT_EQ(answer.at("size"), 11);
  EXPECT_EQ(answer.at("sha256"), sha256("Hello world"));
  EXPECT_EQ(alice_.last("/bytes").headers.get("X-Word"), "one two");
  EXPECT_EQ(client_.get("/after").status, 200);
}

TEST_P(ConnectionStory, AResponseMayComeOneByteAtATime) {
  alice_.on("/length", [](NodeExchange& exchange) {
    exchange.send_byte_by_byte(
        "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 11\r\n\r\nHello world");
  });
  alice_.on("/chunked", [](NodeExchange& exchange) {
    exchange.send_byte_by_byte(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "6\r\nHello \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n");
  });
  const Response by_length = client_.get("/length");
  EXPECT_EQ(by_length.body, "Hello world");
  EXPECT_EQ(by_length.headers.get("X-A"), "b");
  const Response by_chunks = client_.get("/chunked", {{"TE", "trailers"}, {"Connection", "TE"}});
  EXPECT_EQ(by_chunks.body, "Hello world");
  EXPECT_EQ(by_chunks.end, BodyEnd::chunked);
  EXPECT_EQ(by_chunks.trailers.get("X-T"), "1");
}

TEST_P(ConnectionStory, ManyConnectionsAreServedAtOnce) {
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_.address()));
    clients.back()->send(Request{.target = "/many"}.to_wire());
  }
  for (const auto& client : clients) EXPECT_EQ(client->read_response().status, 200);
  for (const auto& client : clients) EXPECT_EQ(client->get("/again").status, 200);
}

class TimeoutStory : public Story {
 protected:
  static TestConfig config(const FakeNode& node) {
    TestConfig config = shop(workers(), {node});
    config.timeouts = {"header = \"400ms\"", "idle = \"400ms\"", "shutdown = \"2s\""};
    return config;
  }

  FakeNode alice_{"alice"};
  BonedryProcess bonedry_{config(alice_)};
  HttpClient client_{bonedry_.address()};
};

INSTANTIATE_TEST_SUITE_P(Workers, TimeoutStory, worker_counts(), name_of_workers);

TEST_P(TimeoutStory, AnIdleConnectionIsClosed) {
  const TestTime before = TestClock::now();
  EXPECT_EQ(client_.get("/").status, 200);
  EXPECT_TRUE(client_.closed_by_peer());
  EXPECT_GE(elapsed_since(before), Millis{300});
}

TEST_P(TimeoutStory, AHeadThatNeverEndsIsGivenUp) {
  const TestTime start = TestClock::now();
  client_.send("GET / HTTP/1.1\r\nHost: shop.example\r\nX-Slow: ");
  const std::string answer = client_.socket().receive_all();
  EXPECT_GE(elapsed_since(start), Millis{300});
  EXPECT_THAT(answer, testing::AnyOf("", testing::StartsWith("HTTP/1.1 408 ")));
  EXPECT_EQ(alice_.requests(), 0U);
}

TEST_P(TimeoutStory, AHeadThatTricklesInIsGivenUpAllTheSame) {
  const TestTime start = TestClock::now();
  client_.send("GET / HTTP/1.1\r\nHost: shop.example\r\nX-Slow: ");
  const bool given_up = eventually(
      [&] {
        try {
          client_.send("x");
          return client_.socket().wait_readable(Millis{0});
        } catch (const ConnectionReset&) {
          return true;
        }
      },
      kDeadline, Millis{20});
  EXPECT_TRUE(given_up) << "each byte must not buy more time";
  EXPECT_GE(elapsed_since(start), Millis{300});
}

TEST_P(TimeoutStory, ASlowAnswerIsNotAnIdleConnection) {
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "at last");
  });
  client_.send(Request{.target = "/slow"}.to_wire());
  EXPECT_FALSE(client_.socket().wait_readable(Millis{1000})) << "2.5 times the idle time-out";
  gate.open();
  EXPECT_EQ(client_.read_response().body, "at last");
}

}  // namespace
}  // namespace bonedry::test
