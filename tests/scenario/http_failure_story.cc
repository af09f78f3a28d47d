// NodeIds and clients that fail: which status the client gets, what is retried, and what never is.
#include "tests/scenario/story.h"

#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class FailureStory : public Story {
 protected:
  static TestConfig config(std::vector<TestNode> nodes) {
    TestConfig config = shop(workers(), std::move(nodes), {}, {"balance = \"round-robin\""});
    config.timeouts = {"connect = \"500ms\"", "response = \"500ms\"", "stall = \"500ms\"",
                       "shutdown = \"2s\""};
    return config;
  }

  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
};

class OneNodeFailureStory : public FailureStory {
 protected:
  BonedryProcess bonedry_{config({alice_})};
  HttpClient client_{bonedry_.address()};
};

class TwoNodeFailureStory : public FailureStory {
 protected:
  BonedryProcess bonedry_{config({alice_, bob_})};
};

INSTANTIATE_TEST_SUITE_P(Workers, FailureStory, worker_counts(), name_of_workers);
INSTANTIATE_TEST_SUITE_P(Workers, OneNodeFailureStory, worker_counts(), name_of_workers);
INSTANTIATE_TEST_SUITE_P(Workers, TwoNodeFailureStory, worker_counts(), name_of_workers);

TEST_P(OneNodeFailureStory, ANodeThatDiesInABodyIsSeenByTheClient) {
  // A truncated response must never look like a complete one.
  alice_.on("/length",
            answering_and_closing("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"));
  alice_.on("/chunks", answering_and_closing(
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"));
  for (const char* target : {"/length", "/chunks"}) {
    HttpClient client{bonedry_.address()};
    const Response response = client.get(target);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.body, "half") << target;
    EXPECT_EQ(response.end, BodyEnd::aborted) << target;
    EXPECT_TRUE(client.closed_by_peer()) << target;
  }
}

TEST_P(OneNodeFailureStory, ABodyThatEndsAtCloseIsResetWhenTheProxyEndsInIt) {
  const Gate gate;
  alice_.on("/endless", [gate](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}) + chunk("half"));
    (void)gate.wait();
  });
  client_.send(Request{.target = "/endless", .version = "HTTP/1.0"}.to_wire());
  EXPECT_EQ(client_.read_head().status, 200);
  bonedry_.stop();
  EXPECT_THROW((void)client_.socket().receive_all(), ConnectionReset);
  gate.open();
}

TEST_P(OneNodeFailureStory, ABodyThatEndsAtCloseIsResetWhenTheClientEndsItsOwnTooEarly) {
  const Gate gate;
  alice_.on("/endless", [gate](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}) + chunk("half"));
    (void)gate.wait();
  });
  client_.send("POST /endless HTTP/1.0\r\nHost: shop\r\nContent-Length: 10\r\n\r\nhal");
  EXPECT_EQ(client_.read_head().status, 200);
  client_.socket().finish_sending();
  EXPECT_THROW((void)client_.socket().receive_all(), ConnectionReset);
  gate.open();
}

TEST_P(OneNodeFailureStory, AResetInABodyThatEndsAtCloseIsSeenByTheClient) {
  const Gate half_read;
  alice_.on("/cut", [half_read](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\n\r\nhalf");
    EXPECT_TRUE(half_read.wait());
    exchange.reset();
  });
  client_.send(Request{.target = "/cut"}.to_wire());
  std::string body;
  const Response response = client_.read_response_into([&](std::string_view piece) {
    body += piece;
    half_read.open();
  });
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body, "half");
  EXPECT_EQ(response.end, BodyEnd::aborted);
}

TEST_P(OneNodeFailureStory, AnHttp10ClientSeesADyingNodeToo) {
  alice_.on("/chunks", answering_and_closing(
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"));
  const Response response = client_.exchange({.target = "/chunks", .version = "HTTP/1.0"});
  EXPECT_EQ(response.body, "half");
  EXPECT_EQ(response.end, BodyEnd::aborted) << "a reset, since only the close ends its body";
}

TEST_P(OneNodeFailureStory, ANodeThatRefusesMakesA502Or503) {
  alice_.stop();
  const Response response = client_.get("/");
  EXPECT_THAT(response.status, AnyOf(502, 503));
  EXPECT_TRUE(response.complete());
  EXPECT_GT(response.body_size, 0U);
  EXPECT_LT(response.body_size, 1000U);
  EXPECT_FALSE(response.headers.has("Set-Cookie")) << "nobody has been served";
  alice_.start();
  EXPECT_EQ(client_.get("/").status, 200) << "on the same connection, at once";
}

TEST_P(OneNodeFailureStory, AHeadRequestGetsAnErrorWithoutABody) {
  alice_.stop();
  EXPECT_THAT(client_.exchange({.method = "HEAD"}).status, AnyOf(502, 503));
  alice_.start();
  EXPECT_EQ(client_.get("/").status, 200);
}

TEST_P(OneNodeFailureStory, ANodeThatHangsUpWithoutAWordMakesA502) {
  alice_.on("/rude", [](NodeExchange& exchange) {
    (void)exchange.read_body();
    exchange.close_after();
  });
  const Response response = client_.exchange({.method = "POST", .target = "/rude", .body = "x"});
  EXPECT_EQ(response.status, 502);
  EXPECT_LT(response.body_size, 1000U);
}

TEST_P(OneNodeFailureStory, ANodeThatNeverAnswersMakesA504) {
  const Gate gate;
  alice_.on("/silent", [gate](NodeExchange& exchange) {
    (void)exchange.read_body();
    (void)exchange.peer_went();
    exchange.close_after();
    gate.open();
  });
  const TestTime start = TestClock::now();
  const Response response = client_.get("/silent");
  EXPECT_EQ(response.status, 504);
  EXPECT_GE(elapsed_since(start), Millis{500});
  EXPECT_LT(response.body_size, 1000U);
  EXPECT_TRUE(gate.wait()) << "the connection to the node is given up";
}

TEST_P(OneNodeFailureStory, AStalledBodyIsGivenUp) {
  alice_.on("/stall", [](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    (void)exchange.peer_went();
    exchange.close_after();
  });
  const TestTime start = TestClock::now();
  const Response response = client_.get("/stall");
  EXPECT_EQ(response.end, BodyEnd::aborted);
  EXPECT_GE(elapsed_since(start), Millis{400});
}

TEST_P(OneNodeFailureStory, ASlowBodyThatMovesIsNotGivenUp) {
  alice_.on("/slow", [](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(Millis{100});  // in total twice the stall time-out
      exchange.send("x");
    }
  });
  EXPECT_EQ(client_.get("/slow").body, "xxxxxxxxxx");
}

TEST_P(OneNodeFailureStory, AClientThatHangsUpFreesItsNode) {
  const Gate gone;
  alice_.on("/endless", [gone](NodeExchange& exchange) {
    try {
      exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}));
      for (;;) exchange.send(chunk(std::string(10'000, 'x')));
    } catch (const SocketError&) {
      gone.open();
      throw;
    }
  });
  {
    HttpClient client{bonedry_.address()};
    client.send(Request{.target = "/endless"}.to_wire());
    EXPECT_EQ(client.read_head().status, 200);
  }
  EXPECT_TRUE(gone.wait()) << "the node must not go on for nobody";
  EXPECT_TRUE(eventually([this] { return bonedry_.node("alice").exchanges_open == 0; }));
}

TEST_P(OneNodeFailureStory, AClientThatHangsUpBeforeTheAnswerFreesItsNode) {
  const Gate gone;
  alice_.on("/wait", [gone](NodeExchange& exchange) {
    (void)exchange.read_body();
    if (exchange.peer_went()) gone.open();
    exchange.close_after();
  });
  {
    HttpClient client{bonedry_.address()};
    client.send(Request{.target = "/wait"}.to_wire());
    ASSERT_TRUE(alice_.wait_for("/wait", 1));
  }
  EXPECT_TRUE(gone.wait());
  EXPECT_TRUE(eventually([this] { return bonedry_.node("alice").exchanges_open == 0; }));
}

TEST_P(TwoNodeFailureStory, ARefusedConnectGoesToAnotherNode) {
  alice_.stop();
  for (int i = 0; i < 20; ++i) {
    User user{bonedry_.address()};
    const Response response =
        user.send({.method = "POST", .target = "/buy", .body = "cart=" + std::to_string(i)});
    ASSERT_EQ(response.status, 200) << "user " << i;
    ASSERT_EQ(user.node(), "bob");
  }
  EXPECT_EQ(bob_.requests_for("/buy"), 20U);
}

TEST_P(TwoNodeFailureStory, ALargeBodyGoesToAnotherNodeWhole) {
  alice_.stop();
  const std::string body(300'000, 'x');
  for (int i = 0; i < 4; ++i) {
    User user{bonedry_.address()};
    const Response response = user.send({.method = "POST", .target = "/buy", .body = body});
    ASSERT_EQ(response.status, 200);
    EXPECT_EQ(nlohmann::json::parse(response.body).at("sha256"), sha256(body));
  }
}

TEST_P(TwoNodeFailureStory, AllNodesRefusingMakesA502Or503) {
  alice_.stop();
  bob_.stop();
  for (int i = 0; i < 10; ++i) {
    HttpClient client{bonedry_.address()};
    const Response response = client.get("/");
    EXPECT_THAT(response.status, AnyOf(502, 503));
    EXPECT_LT(response.body_size, 1000U);
  }
  alice_.start();
  EXPECT_EQ(HttpClient{bonedry_.address()}.get("/").status, 200)
      << "marks from passive checks never leave a pool empty";
}

TEST_P(TwoNodeFailureStory, ARequestThatWasSentIsNotSentTwice) {
  // The node may have processed it before it closed; a second order is worse than an error.
  for (FakeNode* node : {&alice_, &bob_}) {
    node->on("/buy", [](NodeExchange& exchange) {
      (void)exchange.read_body();
      exchange.close_after();
    });
  }
  User user{bonedry_.address()};
  EXPECT_EQ(user.click("/look").status, 200);  // so that there is an idle connection to reuse
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(user.send({.method = "POST", .target = "/buy", .body = "book"}).status, 502);
    EXPECT_EQ(alice_.requests_for("/buy") + bob_.requests_for("/buy"), i);
    EXPECT_EQ(user.click("/look").status, 200);
  }
}

TEST_P(FailureStory, AConnectThatHangsGoesToAnotherNode) {
  const SilentPort silent;
  BonedryProcess bonedry{config({{"silent", silent.address()}, bob_})};
  for (int i = 0; i < 2; ++i) {
    User user{bonedry.address()};
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
}

TEST_P(FailureStory, AConnectThatHangsEverywhereMakesA504OrA503) {
  const SilentPort silent;
  BonedryProcess bonedry{config({{"silent", silent.address()}})};
  HttpClient client{bonedry.address()};
  const Response response = client.get("/");
  EXPECT_THAT(response.status, AnyOf(502, 503, 504));
  EXPECT_TRUE(response.complete());
}

TEST_P(OneNodeFailureStory, ARequestInFlightSurvivesAnOrderlyStop) {
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "finished");
  });
  client_.send(Request{.target = "/slow"}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  std::thread stopper{[this] { bonedry_.stop(); }};
  const bool refuses = eventually([this] {
    try {
      const HttpClient another{bonedry_.address()};
      return false;
    } catch (const SocketError&) {
      return true;
    }
  });
  gate.open();
  EXPECT_TRUE(refuses) << "nobody new is taken in";
  EXPECT_EQ(client_.read_response().body, "finished");
  stopper.join();
}

TEST_P(OneNodeFailureStory, WhoWaitsToBeAcceptedIsServedBeforeTheEnd) {
  bonedry_.pause();
  std::vector<std::unique_ptr<HttpClient>> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::make_unique<HttpClient>(bonedry_.address()));
    waiting.back()->send(Request{.target = "/last"}.to_wire());
  }
  ::kill(bonedry_.pid(), SIGTERM);
  bonedry_.resume();
  for (const auto& client : waiting) EXPECT_EQ(client->read_response().status, 200);
  bonedry_.stop();  // must exit with 0 all the same
}

TEST_P(FailureStory, WhoWaitsBehindThoseWhoWentIsServedBeforeTheEnd) {
  const Gate gate;
  alice_.on("/last", [&gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "served");
  });
  BonedryProcess bonedry{shop(workers(), {alice_})};
  bonedry.pause();
  for (int i = 0; i < 400; ++i) {
    Socket gone = Socket::connect_tcp(bonedry.address());
    gone.send_all("no request\r\n\r\n");
    gone.reset();
  }
  HttpClient last{bonedry.address()};
  last.send(Request{.target = "/last"}.to_wire());
  ::kill(bonedry.pid(), SIGTERM);
  bonedry.resume();
  EXPECT_TRUE(alice_.wait_for("/last", 1));
  EXPECT_FALSE(last.socket().wait_readable(Millis{300})) << "it is not cut off";
  gate.open();
  EXPECT_EQ(last.read_response().status, 200);
  bonedry.stop();
}

}  // namespace
}  // namespace bonedry::test
