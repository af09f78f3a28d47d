// Clients that leave before their answer, and those that only seem to.
#include "tests/scenario/story.h"

#include <string>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
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

  /// Opens `aborted` when the proxy gives the request up.
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

INSTANTIATE_TEST_SUITE_P(Workers, ClientGoneStory, one_and_four_workers(), name_of_workers);

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
    Socket client = Socket::connect_tcp(bonedry_->address());
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
  Socket client = Socket::connect_tcp(bonedry_->address());
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
  Socket client = Socket::connect_tcp(bonedry_->address());
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

}  // namespace
}  // namespace bonedry::test
