// Failures of nodes and clients over HTTP/2: a stream that was cut never looks whole, and nothing
// that happens to one stream reaches the others of its connection.
#include "tests/scenario/http2_story.h"

#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;

class Http2FailureStory : public Http2Story {
 protected:
  void launch_impatient(std::vector<std::string> pool = {}) {
    TestConfig config = shop(workers(), {alice_}, {}, std::move(pool));
    config.timeouts = {"connect = \"500ms\"", "response = \"500ms\"", "stall = \"500ms\"",
                       "shutdown = \"2s\""};
    launch_http2(config);
  }
  /// A node's handler that sends nothing and opens `gone` when the proxy has given up.
  [[nodiscard]] static Handler waiting_for_the_end_of_it(const Gate& gone) {
    return [gone](NodeExchange& exchange) {
      exchange.close_after();
      if (exchange.peer_went()) gone.open();
    };
  }
  /// A node's handler that sends a part of a body and opens `gone` when the proxy has given up.
  [[nodiscard]] static Handler sending_half(const Gate& gone) {
    return [gone](NodeExchange& exchange) {
      exchange.close_after();
      exchange.send(exchange.head(200, {{"Content-Length", "8"}}) + "half");
      if (exchange.peer_went()) gone.open();
    };
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2FailureStory, worker_counts(), name_of_workers);

TEST_P(Http2FailureStory, AResponseThatItsNodeCutsIsNeverWhole) {
  const Gate gate;
  const auto cutting = [](const std::string& raw, bool reset) {
    return [raw, reset](NodeExchange& exchange) {
      exchange.send(raw);
      if (reset) exchange.reset();
      exchange.close_after();
    };
  };
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf";
  const std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
  alice_.on("/slow", answering_at(gate));
  launch_alice();
  Http2Client client{address()};
  const StreamId other = client.begin({.target = "/slow"});
  for (const std::string& raw : {length, chunks}) {
    for (const bool reset : {false, true}) {
      alice_.on("/cut", cutting(raw, reset));
      const Response response = client.get("/cut");
      EXPECT_FALSE(response.complete()) << raw;
      EXPECT_NE(response.reset, "") << "the stream is reset";
      if (!reset) {
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body, "half");
      }
    }
  }
  gate.open();
  EXPECT_EQ(client.wait(other).body, "at last") << "the connection goes on";
  EXPECT_TRUE(eventually_logged("\"end\":\"response_cut\"")) << bonedry_->out();
}

TEST_P(Http2FailureStory, AChunkThatIsNoneEndsItsStreamOnly) {
  alice_.on("/bad", answering_and_closing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                          "4\r\ngood\r\nbad\r\n"));
  launch_alice();
  Http2Client client{address()};
  EXPECT_FALSE(client.get("/bad").complete());
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2FailureStory, ANodeThatIsDownIsAnsweredAsWithHttp1) {
  launch_alice();
  Http2Client client{address()};
  EXPECT_EQ(client.get("/").status, 200);
  alice_.stop();
  const Response response = client.get("/");
  EXPECT_THAT(response.status, AnyOf(502, 503));
  EXPECT_TRUE(response.complete());
  EXPECT_GT(response.body_size, 0U);
  EXPECT_LT(response.body_size, 1000U);
  EXPECT_FALSE(response.headers.has("Set-Cookie")) << "nobody has been served";
  EXPECT_EQ(response.status, HttpClient{address()}.get("/").status);
  alice_.start();
  EXPECT_TRUE(eventually([&] { return client.get("/").status == 200; }))
      << "on the same connection";
}

TEST_P(Http2FailureStory, ANodeThatNeverAnswersMakesA504) {
  const Gate gone;
  alice_.on("/never", waiting_for_the_end_of_it(gone));
  launch_impatient();
  Http2Client client{address()};
  const StreamId never = client.begin({.target = "/never"});
  EXPECT_EQ(client.get("/quick").status, 200);
  EXPECT_EQ(client.wait(never).status, 504);
  EXPECT_TRUE(gone.wait());
  EXPECT_TRUE(client.usable());
}

TEST_P(Http2FailureStory, ABodyThatStallsAtItsNodeEndsItsStreamOnly) {
  const Gate gone;
  alice_.on("/half", sending_half(gone));
  launch_impatient();
  Http2Client client{address()};
  const Response response = client.get("/half");
  EXPECT_EQ(response.body, "half");
  EXPECT_FALSE(response.complete());
  EXPECT_TRUE(gone.wait());
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2FailureStory, AnUploadThatStallsIsGivenUpAndOthersGoOn) {
  launch_impatient();
  Http2Client client{address()};
  const StreamId upload = client.begin_upload(
      {.method = "POST", .target = "/up", .headers = {{"Content-Length", "10"}}});
  client.send_data(upload, "half");
  const Response response = client.wait(upload);
  EXPECT_TRUE(response.status == 408 || !response.complete()) << response.status;
  EXPECT_EQ(client.get("/next").status, 200);
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2FailureStory, AStreamThatItsClientResetsIsTakenFromItsNode) {
  const Gate unanswered;
  const Gate half_answered;
  const Gate half_asked;
  alice_.on("/wait", waiting_for_the_end_of_it(unanswered));
  alice_.on("/half", sending_half(half_answered));
  alice_.on("/up", waiting_for_the_end_of_it(half_asked));
  launch_alice();
  Http2Client client{address()};
  const StreamId waiting = client.begin({.target = "/wait"});
  const StreamId reading = client.begin({.target = "/half"});
  const StreamId sending = client.begin_upload({.method = "POST", .target = "/up"});
  client.send_data(sending, "half");
  EXPECT_EQ(client.receive(reading, 4), "half");
  ASSERT_TRUE(alice_.wait_for("/wait", 1));
  ASSERT_TRUE(alice_.wait_for("/up", 1));
  EXPECT_TRUE(eventually_open(alice_, 3));
  for (const StreamId id : {waiting, reading, sending}) client.reset(id);
  for (const Gate& gone : {unanswered, half_answered, half_asked}) {
    EXPECT_TRUE(gone.wait(Millis{3000})) << "long before any time-out";
  }
  EXPECT_TRUE(eventually_idle());
  EXPECT_TRUE(eventually([this] {
    const std::string out = bonedry_->out();
    std::size_t count = 0;
    for (auto at = out.find("\"client_gone\""); at != std::string::npos;
         at = out.find("\"client_gone\"", at + 1)) {
      ++count;
    }
    return count == 3;
  })) << bonedry_->out();
  EXPECT_EQ(client.get("/next").status, 200) << "the connection goes on";
  EXPECT_EQ(node(alice_).sessions(), 2) << "one of the user who got a half, one of the next";
}

TEST_P(Http2FailureStory, APoolMayLetItsNodesFinish) {
  const Gate answer;
  const Gate finished;
  alice_.on("/report", [answer, finished](NodeExchange& exchange) {
    (void)exchange.read_body();
    EXPECT_TRUE(answer.wait());
    exchange.respond(200, std::string(1'000'000, 'x'));
    finished.open();
  });
  launch_alice({R"(on_client_gone = "finish")"});
  Http2Client client{address()};
  const StreamId report = client.begin({.method = "POST", .target = "/report", .body = "which"});
  ASSERT_TRUE(alice_.wait_for("/report", 1));
  client.reset(report);
  client.ping();
  answer.open();
  EXPECT_TRUE(finished.wait());
  EXPECT_TRUE(eventually_logged("\"end\":\"client_gone\"")) << bonedry_->out();
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2FailureStory, ANodeThatFinishesForAClientThatWentIsNotHeldUpByItsWindow) {
  const Gate finished;
  alice_.on("/report", [finished](NodeExchange& exchange) {
    (void)exchange.read_body();
    exchange.respond(200, std::string(8'000'000, 'x'));
    finished.open();
  });
  launch_alice({R"(on_client_gone = "finish")"});
  Http2Client client{address()};
  const StreamId report = client.begin({.method = "POST", .target = "/report", .body = "which"});
  EXPECT_EQ(client.receive(report, 60'000).size(), 60'000U);
  client.reset(report);
  EXPECT_TRUE(finished.wait());
  EXPECT_TRUE(eventually_logged("\"end\":\"client_gone\"")) << bonedry_->out();
  EXPECT_TRUE(eventually_idle());
  EXPECT_EQ(bonedry_->err().find("node_stalled"), std::string::npos);
}

TEST_P(Http2FailureStory, WhoTakesNoneOfARefusalLosesItsStream) {
  launch_impatient();
  Http2Client client{address(), Http2Windows{.stream = 0}};
  const StreamId refused = client.begin({.target = "/", .headers = {{":path", "/a#b"}}});
  EXPECT_EQ(client.read_head(refused).status, 400);
  const Response response = client.wait(refused);
  EXPECT_FALSE(response.complete());
  EXPECT_EQ(response.reset, "CANCEL");
}

TEST_P(Http2FailureStory, WhoTakesNoEndOfAResponseLosesItsStream) {
  alice_.on("/empty", answering_and_closing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            "0\r\n\r\n"));
  launch_impatient();
  Http2Client client{address(), Http2Windows{.stream = 0}};
  const Response response = client.get("/empty");
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.complete());
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2FailureStory, APingDoesNotMakeUpForReadingNothing) {
  alice_.on("/endless", [](NodeExchange& exchange) {
    exchange.close_after();
    exchange.send(exchange.head(200, {{"Content-Length", "1000000000"}}));
    const std::string piece(65'536, 'x');
    try {
      while (true) exchange.send(piece);
    } catch (const SocketError&) {
      return;  // the proxy has given up
    }
  });
  launch_impatient();
  constexpr std::int32_t kHuge = 0x7fffffff;
  Http2Client client{address(), Http2Windows{.stream = kHuge, .connection = kHuge}};
  (void)client.begin({.target = "/endless"});
  ASSERT_TRUE(eventually_open(alice_, 1));
  const std::string ping{
      "\0\0\x08\x06\0\0\0\0\0"
      "12345678",
      17};
  const auto is_over = [&] {
    client.socket().send_all(ping);
    return node(alice_).exchanges_open == 0;
  };
  try {
    EXPECT_TRUE(eventually(is_over));
  } catch (const SocketError&) {
    EXPECT_TRUE(eventually_idle());  // the connection has been closed
  }
}

TEST_P(Http2FailureStory, AHeadMayBeAsLargeAsTheLimitsSay) {
  std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
  for (int i = 0; i < 7; ++i) {
    head += "X-Large-" + std::to_string(i) + ": " + std::string(10'000, 'x') + "\r\n";
  }
  alice_.on("/large", answering_and_closing(head + "\r\nok"));
  TestConfig config = shop(workers(), {alice_});
  config.limits = {"header_bytes = 131072"};
  launch_http2(config);
  const Response response = Http2Client{address()}.get("/large");
  EXPECT_EQ(response.body, "ok");
  EXPECT_EQ(response.headers.get("X-Large-6").size(), 10'000U);
}

TEST_P(Http2FailureStory, AClientThatIsGoneHasLeftAllItsStreams) {
  for (const bool reset : {false, true}) {
    alice_.on("/wait", [](NodeExchange& exchange) {
      exchange.close_after();
      (void)exchange.peer_went();
    });
    launch_alice();
    const std::size_t before = alice_.requests_for("/wait");
    {
      Http2Client client{address()};
      for (int i = 0; i < 20; ++i) (void)client.begin({.target = "/wait"});
      ASSERT_TRUE(alice_.wait_for("/wait", before + 20));
      EXPECT_TRUE(eventually_open(alice_, 20));
      if (reset) client.socket().reset();
    }
    EXPECT_TRUE(eventually_idle());
    EXPECT_TRUE(eventually_logged("\"end\":\"client_gone\""));
    EXPECT_EQ(node(alice_).sessions(), 0) << "nobody has heard of a session";
    EXPECT_EQ(Http2Client{address()}.get("/").status, 200);
  }
}

TEST_P(Http2FailureStory, StreamsThatAreResetAtOnceLeaveNothingBehind) {
  launch_alice();
  Http2Client client{address()};
  for (int i = 0; i < 30; ++i) client.reset(client.begin({.target = "/short"}));
  client.ping();
  EXPECT_TRUE(eventually_idle());
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2FailureStory, ARequestIsTriedOnAnotherNodeAsWithHttp1) {
  launch_http2(config({}, {"balance = \"round-robin\""}));
  alice_.stop();
  Http2Client client{address()};
  for (int i = 0; i < 10; ++i) {
    const Response response = client.get("/");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.get("X-Node"), "bob");
  }
}

}  // namespace
}  // namespace bonedry::test
