// Clients that leave before their response is complete, and clients that only seem to leave.
#include "tests/scenario/story.h"
#include "tests/support/story_tls.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ClientGoneStory : public Story {
 protected:
  void launch(std::vector<std::string> pool = {}) {
    bonedry_ = std::make_unique<BonedryProcess>(shop(workers(), {alice_}, {}, std::move(pool)));
  }
  [[nodiscard]] bool logged(const std::string& ending) const {
    return eventually(
        [&] { return bonedry_->out().find("\"end\":\"" + ending + "\"") != std::string::npos; });
  }
  [[nodiscard]] bool node_is_free() const {
    return eventually([&] { return bonedry_->node("alice").exchanges_open == 0; });
  }

  /// Sends events until it is aborted.
  class EventStream {
   public:
    Handler handler() {
      return [sent = sent_, aborted = aborted_](NodeExchange& exchange) {
        exchange.close_after();
        try {
          exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}));
          while (!exchange.socket().wait_readable(Millis{20})) {
            exchange.send(chunk("event"));
            ++*sent;
          }
        } catch (const SocketError&) {
          aborted.open();
          throw;
        }
        aborted.open();
      };
    }
    /// Whether this many more events are sent.
    [[nodiscard]] bool goes_on(unsigned events) const {
      return eventually([this, until = *sent_ + events] { return *sent_ >= until; });
    }
    [[nodiscard]] bool is_aborted() const { return aborted_.wait(Millis{5000}); }

   private:
    std::shared_ptr<std::atomic<unsigned>> sent_ = std::make_shared<std::atomic<unsigned>>(0);
    Gate aborted_;
  };

  /// Opens a stream of events and disconnects.
  void come_and_leave() const {
    HttpClient client{bonedry_->address()};
    client.send(Request{.target = "/events"}.to_wire());
    EXPECT_EQ(client.read_head().status, 200);
    client.socket().reset();
  }

  /// Opens `aborted` when the proxy aborts the request.
  static Handler waiting_for_the_end(const Gate& aborted) {
    return [aborted](NodeExchange& exchange) {
      (void)exchange.read_body();
      if (exchange.peer_went()) aborted.open();
      exchange.close_after();
    };
  }

  FakeNode alice_{"alice"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ClientGoneStory, worker_counts(), name_of_workers);

TEST_P(ClientGoneStory, TheNodesWorkIsAborted) {
  for (const bool reset : {false, true}) {
    const Gate aborted;
    alice_.on("/report", waiting_for_the_end(aborted));
    launch();
    const std::size_t before = alice_.requests_for("/report");
    {
      HttpClient client{bonedry_->address()};
      client.send(Request{.method = "POST", .target = "/report", .body = "which"}.to_wire());
      ASSERT_TRUE(alice_.wait_for("/report", before + 1));
      if (reset) client.socket().reset();
    }
    EXPECT_TRUE(aborted.wait(Millis{3000})) << "long before any time-out";
    EXPECT_TRUE(logged("client_gone")) << bonedry_->out();
    EXPECT_TRUE(node_is_free());
    EXPECT_EQ(bonedry_->node("alice").sessions(), 0) << "nobody has heard of a session";
  }
}

TEST_P(ClientGoneStory, AnEarlierSessionStays) {
  const Gate aborted;
  alice_.on("/report", waiting_for_the_end(aborted));
  launch();
  User user{bonedry_->address()};
  user.click();
  user.click();
  {
    HttpClient client{bonedry_->address()};
    client.send(Request{.target = "/report", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}
                    .to_wire());
    ASSERT_TRUE(alice_.wait_for("/report", 1));
  }
  EXPECT_TRUE(aborted.wait(Millis{3000}));
  EXPECT_TRUE(logged("client_gone"));
  EXPECT_EQ(bonedry_->node("alice").live, 1);
}

TEST_P(ClientGoneStory, WhoOnlyEndsItsSendingSideIsServed) {
  alice_.on("/slow", [](NodeExchange& exchange) {
    (void)exchange.read_body();
    EXPECT_FALSE(exchange.socket().wait_readable(Millis{300})) << "not aborted";
    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    exchange.respond(200, "served");
  });
  for (const char* how : {"abort", "finish"}) {
    launch({"on_client_gone = \"" + std::string(how) + "\""});
    Socket client = connect_story_client(bonedry_->address());
    client.send_all(Request{.target = "/slow"}.to_wire());
    client.finish_sending();
    const std::string answer = client.receive_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 103 Early Hints\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\nHTTP/1.1 200 Scripted\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\nserved"));
    EXPECT_TRUE(logged("completed"));
  }
}

TEST_P(ClientGoneStory, SoAreAllItsRequests) {
  launch();
  Socket client = connect_story_client(bonedry_->address());
  std::string all;
  for (int i = 0; i < 20; ++i) all += Request{.target = "/" + std::to_string(i)}.to_wire();
  client.send_all(all);
  client.finish_sending();
  const std::string answer = client.receive_all();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(answer, HasSubstr("\"target\":\"/" + std::to_string(i) + "\""));
  }
  EXPECT_EQ(answer.find("HTTP/1.1 HTTP/1.1"), std::string::npos);
}

TEST_P(ClientGoneStory, AnErrorOfOursReachesItWhole) {
  alice_.on("/rude", [](NodeExchange& exchange) {
    (void)exchange.socket().wait_readable(Millis{100});
    exchange.close_after();
  });
  launch();
  Socket client = connect_story_client(bonedry_->address());
  client.send_all(Request{.target = "/rude"}.to_wire());
  client.finish_sending();
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
}

TEST_P(ClientGoneStory, APoolMayLetItsNodesFinish) {
  for (const bool reset : {false, true}) {
    const Gate finished;
    alice_.on("/report", [finished](NodeExchange& exchange) {
      (void)exchange.read_body();
      EXPECT_FALSE(exchange.socket().wait_readable(Millis{300})) << "not aborted";
      exchange.respond(200, std::string(1'000'000, 'x'));
      finished.open();
    });
    launch({R"(on_client_gone = "finish")"});
    const std::size_t before = alice_.requests_for("/report");
    {
      HttpClient client{bonedry_->address()};
      client.send(Request{.method = "POST", .target = "/report", .body = "which"}.to_wire());
      ASSERT_TRUE(alice_.wait_for("/report", before + 1));
      if (reset) client.socket().reset();
    }
    EXPECT_TRUE(finished.wait());
    EXPECT_TRUE(logged("client_gone")) << bonedry_->out();
    EXPECT_TRUE(node_is_free());
    EXPECT_EQ(bonedry_->node("alice").sessions(), 0);
    const std::size_t connections = alice_.connections();
    EXPECT_EQ(HttpClient{bonedry_->address()}.get("/").status, 200);
    if (workers() == 1) {
      EXPECT_EQ(alice_.connections(), connections) << "its connection is kept";
    }
  }
}

TEST_P(ClientGoneStory, ButNotForLongerThanAnAnswerMayTake) {
  EventStream stream;
  alice_.on("/events", stream.handler());
  TestConfig config = shop(workers(), {alice_}, {}, {R"(on_client_gone = "finish")"});
  config.timeouts = {R"(response = "500ms")", R"(stall = "60s")"};
  bonedry_ = std::make_unique<BonedryProcess>(std::move(config));
  {
    HttpClient client{bonedry_->address()};
    client.send(Request{.target = "/events"}.to_wire());
    EXPECT_EQ(client.read_head().status, 200);
    EXPECT_TRUE(stream.goes_on(50)) << "its client is there, which may take twice as long";
  }
  EXPECT_TRUE(stream.is_aborted());
  EXPECT_TRUE(logged("client_gone")) << bonedry_->out();
  EXPECT_TRUE(node_is_free());
}

TEST_P(ClientGoneStory, NorOnANodeThatWasTakenFromItsUsers) {
  for (const std::string command :
       {"maintain alice --force", "bleed alice --force --deadline 1ms"}) {
    EventStream stream;
    alice_.on("/events", stream.handler());
    launch({R"(on_client_gone = "finish")"});
    come_and_leave();
    EXPECT_TRUE(stream.goes_on(10)) << "without a client";
    EXPECT_THAT(bonedry_->admin(command), Not(StartsWith("error: ")));
    EXPECT_TRUE(stream.is_aborted()) << command;
    EXPECT_TRUE(logged("client_gone")) << bonedry_->out();
    EXPECT_TRUE(node_is_free());
  }
}

TEST_P(ClientGoneStory, NorWhenTheClientLeavesOnlyThen) {
  EventStream stream;
  alice_.on("/events", stream.handler());
  launch({R"(on_client_gone = "finish")"});
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/events"}.to_wire());
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_THAT(bonedry_->admin("maintain alice --force"), Not(StartsWith("error: ")));
  EXPECT_TRUE(stream.goes_on(10)) << "it has a client";
  client.socket().reset();
  EXPECT_TRUE(stream.is_aborted());
  EXPECT_TRUE(node_is_free());
}

TEST_P(ClientGoneStory, AWaitNamesTheExchangeThatIsLeft) {
  const Gate aborted;
  alice_.on("/report", waiting_for_the_end(aborted));
  launch({R"(on_client_gone = "finish")"});
  {
    HttpClient client{bonedry_->address()};
    client.send(Request{.target = "/report"}.to_wire());
    ASSERT_TRUE(alice_.wait_for("/report", 1));
  }
  EXPECT_THAT(bonedry_->admin("bleed alice --force"), Not(StartsWith("error: ")));
  const RunResult wait = Ctl{*bonedry_}.run({"wait", "alice", "--timeout", "1ms"});
  EXPECT_EQ(wait.code, 3);
  EXPECT_THAT(wait.err, HasSubstr("shop/alice still has 1 open exchange\n"));
  EXPECT_THAT(bonedry_->admin("maintain alice --force"), Not(StartsWith("error: ")));
  EXPECT_TRUE(aborted.wait(Millis{5000})) << "long before any time-out";
}

}  // namespace
}  // namespace bonedry::test
