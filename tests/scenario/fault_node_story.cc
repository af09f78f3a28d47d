// A misbehaving node: it sends nothing, too much, too little, too late or without end.
#include "tests/scenario/fault.h"

#include <atomic>
#include <string>
#include <string_view>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

const std::string kStray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Stray: 1\r\n\r\nSTRAY";

std::string answer(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string{body};
}

/// Sends `first`, then `again` over and over, until the proxy closes. `pieces` counts.
Handler repeating(std::string first, std::string again,
                  std::shared_ptr<std::atomic<std::size_t>> pieces) {
  return [=](NodeExchange& exchange) {
    exchange.send(first);
    for (;; ++*pieces) exchange.send(again);  // throws when the proxy closes
  };
}

class FaultyNodeStory : public FaultStory {
 protected:
  /// Several rounds, some on new connections and some on reused ones.
  template <class Round>
  void several_times(const Round& round) {
    for (int i = 0; i < 5; ++i) {
      round();
      expect_no_stray("/after");
    }
  }

  void expect_no_stray(const std::string& target) {
    const Response response = ask(target);
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.headers.has("X-Stray"));
    EXPECT_THAT(response.body, HasSubstr(target));
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, FaultyNodeStory, worker_counts(), name_of_workers);

TEST_P(FaultyNodeStory, OneThatRefusesMakesA502AndKeepsItsUsers) {
  alice_.stop();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask("/refused").status, 502);
  alice_.start();
  EXPECT_EQ(ask("/after").status, 200);
}

TEST_P(FaultyNodeStory, OneThatSaysNothingMakesA504) {
  alice_.on("/silent", [](NodeExchange& exchange) {
    EXPECT_TRUE(exchange.peer_went()) << "the connection is given up";
    exchange.close_after();
  });
  in_parallel(16, [this](std::size_t) {
    EXPECT_EQ(ask("/silent").status, 504);
    EXPECT_EQ(ask({.method = "POST", .target = "/silent", .body = "x"}).status, 504);
  });
}

TEST_P(FaultyNodeStory, AnAnswerThatIsLateReachesNobody) {
  alice_.on("/late", [](NodeExchange& exchange) {
    EXPECT_TRUE(exchange.peer_went());
    exchange.send(kStray);
    exchange.close_after();
  });
  in_parallel(16, [this](std::size_t) {
    HttpClient client{bonedry_->address()};
    EXPECT_EQ(client.get("/late").status, 504);
    EXPECT_THAT(client.get("/after").body, HasSubstr("/after")) << "on the same connection";
  });
}

TEST_P(FaultyNodeStory, ASecondAnswerReachesNobody) {
  alice_.on("/twice", answering(answer("first") + kStray));
  several_times([this] {
    HttpClient client{bonedry_->address()};
    EXPECT_EQ(client.get("/twice").body, "first");
    EXPECT_THAT(client.get("/next").body, HasSubstr("/next"));
    client.send("GET /twice HTTP/1.1\r\nHost: a\r\n\r\nGET /piped HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read_response().body, "first");
    EXPECT_THAT(client.read_response().body, HasSubstr("/piped"));
  });
}

TEST_P(FaultyNodeStory, ASecondAnswerOnAnIdleConnectionReachesNobody) {
  std::atomic<int> strays{0};
  alice_.on("/twice", [&strays](NodeExchange& exchange) {
    exchange.send(answer("first"));
    exchange.send(kStray);
    ++strays;
    EXPECT_TRUE(exchange.peer_went()) << "the connection must not be used again";
    exchange.close_after();
  });
  int asked = 0;
  several_times([&] {
    EXPECT_EQ(ask("/twice").body, "first");
    // A stray response that arrives only after the next request looks like the response to that.
    ++asked;
    EXPECT_TRUE(eventually([&] { return strays == asked; }));
  });
}

TEST_P(FaultyNodeStory, ASecondAnswerThatIsSeenTogetherWithTheNextRequestReachesNobody) {
  const Gate paused;
  const Gate sent;
  alice_.on("/twice", [=](NodeExchange& exchange) {
    exchange.send(answer("first"));
    EXPECT_TRUE(paused.wait());
    exchange.send(kStray);
    sent.open();
  });
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/twice").body, "first");
  bonedry_->pause();
  client.send(Request{.target = "/next"}.to_wire());
  paused.open();
  EXPECT_TRUE(sent.wait());
  bonedry_->resume();
  EXPECT_THAT(client.read_response().body, HasSubstr("/next"));
}

TEST_P(FaultyNodeStory, AConnectionThatWasClosedTogetherWithTheNextRequestIsNotUsed) {
  const Gate paused;
  const Gate closed;
  alice_.on("/last", [=](NodeExchange& exchange) {
    exchange.send(answer("last"));
    EXPECT_TRUE(paused.wait());
    exchange.close_after();
    exchange.socket().shut_down();
    closed.open();
  });
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/last").body, "last");
  bonedry_->pause();
  client.send(Request{.method = "POST", .target = "/buy", .body = "book"}.to_wire());
  paused.open();
  EXPECT_TRUE(closed.wait());
  bonedry_->resume();
  EXPECT_EQ(client.read_response().status, 200) << "a POST must not be lost to an old connection";
}

TEST_P(FaultyNodeStory, ASecondAnswerToAnythingWithoutABodyReachesNobody) {
  alice_.on("/none", answering("HTTP/1.1 204 No Content\r\n\r\n" + kStray));
  alice_.on("/same", answering("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + kStray));
  alice_.on("/head", answering(answer("this is what no answer to HEAD has")));
  several_times([this] {
    HttpClient client{bonedry_->address()};
    EXPECT_EQ(client.get("/none").status, 204);
    EXPECT_EQ(client.get("/same").status, 304);
    EXPECT_EQ(client.exchange({.method = "HEAD", .target = "/head"}).status, 200);
    EXPECT_THAT(client.get("/next").body, HasSubstr("/next"));
  });
}

TEST_P(FaultyNodeStory, MoreThanItSaidGoesNowhere) {
  alice_.on("/short", answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n01234" + kStray));
  alice_.on("/chunks", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                 chunk("01234") + "0\r\n\r\n" + kStray));
  several_times([this] {
    HttpClient client{bonedry_->address()};
    EXPECT_EQ(client.get("/short").body, "01234");
    EXPECT_THAT(client.get("/next").body, HasSubstr("/next"));
    EXPECT_EQ(client.get("/chunks").body, "01234");
    EXPECT_THAT(client.get("/next").body, HasSubstr("/next"));
  });
}

TEST_P(FaultyNodeStory, LessThanItSaidIsNoWholeAnswer) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
  alice_.on("/closes", answering_and_closing(head + "half"));
  alice_.on("/stalls", [head](NodeExchange& exchange) {
    exchange.send(head + "half");
    EXPECT_TRUE(exchange.peer_went());
    exchange.close_after();
  });
  several_times([this] {
    EXPECT_EQ(ask("/closes").end, BodyEnd::aborted);
    EXPECT_EQ(ask("/stalls").end, BodyEnd::aborted);
  });
}

TEST_P(FaultyNodeStory, AnAnswerByteByByteIsAnAnswer) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                              chunk("0123456789") + chunk("abcdef") + "0\r\nX-Sum: 16\r\n\r\n";
  const auto drip = [](const std::string& text) {
    return [text](NodeExchange& exchange) {
      (void)exchange.read_body();
      exchange.send_byte_by_byte(text);
    };
  };
  alice_.on("/length", drip(answer("0123456789abcdef")));
  alice_.on("/chunks", drip(chunked));
  alice_.on("/interim", drip("HTTP/1.1 103 Early Hints\r\n\r\n" + answer("0123456789abcdef")));
  several_times([this] {
    for (const char* target : {"/length", "/chunks", "/interim"}) {
      const Response response = ask(target);
      EXPECT_EQ(response.status, 200) << target;
      EXPECT_TRUE(response.complete()) << target;
      EXPECT_EQ(response.body, "0123456789abcdef") << target;
    }
  });
}

TEST_P(FaultyNodeStory, InterimAnswersForEverAreGivenUp) {
  const auto pieces = std::make_shared<std::atomic<std::size_t>>(0);
  alice_.on("/hints", repeating("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", pieces));
  several_times([this] { EXPECT_EQ(ask("/hints").status, 502); });
}

TEST_P(FaultyNodeStory, AHeadWithoutAnEndIsGivenUp) {
  const auto pieces = std::make_shared<std::atomic<std::size_t>>(0);
  const std::string start = "HTTP/1.1 200 OK\r\n";
  alice_.on("/fields", repeating(start, "X-More: of the same\r\n", pieces));
  alice_.on("/value", repeating(start + "X-Long: ", std::string(1000, 'x'), pieces));
  alice_.on("/name", repeating(start, std::string(1000, 'x'), pieces));
  alice_.on("/reason", repeating("HTTP/1.1 200 ", std::string(1000, 'x'), pieces));
  several_times([this] {
    for (const char* target : {"/fields", "/value", "/name", "/reason"}) {
      EXPECT_EQ(ask(target).status, 502) << target;
    }
  });
}

TEST_P(FaultyNodeStory, ATrailerOrAChunkLineWithoutAnEndIsGivenUp) {
  const auto pieces = std::make_shared<std::atomic<std::size_t>>(0);
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  alice_.on("/trailers", repeating(head + "0\r\n", "X-More: of the same\r\n", pieces));
  alice_.on("/extension", repeating(head + "5;", std::string(1000, 'x'), pieces));
  several_times([this] {
    for (const char* target : {"/trailers", "/extension"}) {
      EXPECT_EQ(ask(target).end, BodyEnd::aborted) << target;
    }
  });
}

TEST_P(FaultyNodeStory, AnAnswerBeforeTheBodyWasSentIsTheAnswer) {
  // "early" leaves the connection open; "hasty" closes it with the body unread, so a reset may
  // follow.
  alice_.on("/early", [](NodeExchange& exchange) {
    exchange.send(answer("no thanks"));
    (void)exchange.read_body();
  });
  alice_.on("/hasty", [](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nno thanks");
    exchange.close_after();
  });
  several_times([this] {
    for (const char* target : {"/early", "/hasty"}) {
      HttpClient client{bonedry_->address()};
      client.send("POST " + std::string{target} +
                  " HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
      const Response response = client.read_response();
      EXPECT_EQ(response.status, 200) << target;
      EXPECT_EQ(response.body, "no thanks") << target;
      EXPECT_TRUE(response.complete()) << target;
      EXPECT_TRUE(client.closed_by_peer()) << target << ": the rest of the body may never come";
    }
  });
}

TEST_P(FaultyNodeStory, AnEarlyAnswerSurvivesTheRestOfTheBody) {
  alice_.on("/hasty", [](NodeExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nno thanks");
    exchange.close_after();
  });
  several_times([this] {
    // No more than the proxy reads, and sent before it looks at the response.
    const Response response =
        ask({.method = "POST", .target = "/hasty", .body = std::string(100'000, 'x')});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "no thanks");
    EXPECT_TRUE(response.complete());
  });
}

TEST_P(FaultyNodeStory, OneThatClosesDuringAnUploadMakesA502) {
  alice_.on("/upload", [](NodeExchange& exchange) {
    char some[1000];
    (void)exchange.socket().receive(some, sizeof some);
    exchange.close_after();
  });
  const std::string body(1 << 20, 'x');
  several_times([&] {
    for (const bool chunked : {false, true}) {
      HttpClient client{bonedry_->address()};
      Request request{.method = "POST", .target = "/upload", .body = body};
      if (chunked) request.headers.add("Transfer-Encoding", "chunked");
      if (chunked) request.body.clear();
      try {
        client.send(request.to_wire() + (chunked ? chunk(body) + "0\r\n\r\n" : ""));
        EXPECT_EQ(client.read_response().status, 502);
      } catch (const ConnectionReset&) {
        continue;  // more was sent than a proxy reads; that is an error too
      }
    }
  });
}

}  // namespace
}  // namespace bonedry::test
