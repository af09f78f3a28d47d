// NodeIds that close idle connections sooner than the proxy does: which requests fail, and how soon
// the proxy learns the node's keep-alive time.
#include "tests/scenario/story.h"

#include <string>
#include <thread>

namespace bonedry::test {
namespace {

/// Failures until the proxy knows a node's keep-alive time, for one client and thus one worker.
constexpr int kLessons = 3;
constexpr int kRequests = 200;

class ReuseStory : public Story {
 protected:
  void launch(std::vector<std::string> pool = {}) {
    bonedry_ = std::make_unique<BonedryProcess>(shop(workers(), {alice_}, {}, std::move(pool)));
  }

  /// The number of failures in a series of requests on one keep-alive connection.
  int failures(const std::string& method) {
    HttpClient client{bonedry_->address()};
    int failed = 0;
    for (int i = 0; i < kRequests; ++i) {
      const std::string body = method == "POST" ? "order" : "";
      failed += client.exchange({.method = method, .body = body}).status == 200 ? 0 : 1;
    }
    return failed;
  }

  FakeNode alice_{"alice"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ReuseStory, worker_counts(), name_of_workers);

void close_soon(NodeExchange& exchange) {
  answer_plainly(exchange);
  std::this_thread::sleep_for(Millis{1});  // the next request may arrive before the node closes
  exchange.close_after();
}

/// Like servers that keep reading while idle: the FIN is sent after the request has been read.
void close_soon_politely(NodeExchange& exchange) {
  answer_plainly(exchange);
  if (exchange.socket().wait_readable(Millis{1})) {
    char away[4096];
    (void)exchange.socket().receive(away, sizeof away, kDeadline);
  }
  exchange.close_after();
}

TEST_P(ReuseStory, ANodeThatClosesSoonAfterEachAnswerHarmsNoGet) {
  alice_.on("/", close_soon);
  launch();
  EXPECT_EQ(failures("GET"), 0);
}

TEST_P(ReuseStory, ItHarmsOnlyThePostsThatTeach) {
  alice_.on("/", close_soon);
  launch();
  EXPECT_LE(failures("POST"), kLessons);
  EXPECT_EQ(failures("GET"), 0);
}

TEST_P(ReuseStory, SoDoesOneThatReadsWhatItWillNotAnswer) {
  alice_.on("/", close_soon_politely);
  launch();
  EXPECT_EQ(failures("GET"), 0);
  EXPECT_LE(failures("POST"), kLessons);
}

TEST_P(ReuseStory, RepeatsOfWhatTheNodeHasNotTakenCostNothing) {
  alice_.on("/", close_soon);
  launch({"retry_percent = 1"});
  EXPECT_EQ(failures("GET"), 0);
}

TEST_P(ReuseStory, ANodeThatKeepsItsConnectionsHasFewOfThem) {
  launch();
  EXPECT_EQ(failures("POST"), 0);
  EXPECT_EQ(failures("GET"), 0);
  EXPECT_LE(alice_.connections(), 2U);
}

TEST_P(ReuseStory, NeverIsNever) {
  launch({R"(reuse = "never")"});
  EXPECT_EQ(failures("POST"), 0);
  EXPECT_EQ(alice_.connections(), std::size_t{kRequests});
}

TEST_P(ReuseStory, AConnectionIsClosedBeforeTheNodeSaysThatItWould) {
  const Gate closed;
  alice_.on("/", [closed](NodeExchange& exchange) {
    (void)exchange.read_body();
    exchange.respond(200, "", {{"Keep-Alive", "timeout=1"}});
    if (exchange.peer_went(Millis{1000})) closed.open();
    exchange.close_after();
  });
  launch();
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_TRUE(closed.wait());
}

TEST_P(ReuseStory, ATimeoutOfNothingKeepsNone) {
  alice_.on("/", [](NodeExchange& exchange) {
    (void)exchange.read_body();
    exchange.respond(200, "", {{"Keep-Alive", "timeout=0, max=100"}});
  });
  launch();
  EXPECT_EQ(failures("POST"), 0);
  EXPECT_EQ(alice_.connections(), std::size_t{kRequests});
}

TEST_P(ReuseStory, AReloadThatForbidsItClosesWhatIsIdle) {
  const Gate closed;
  alice_.on("/idle", [closed](NodeExchange& exchange) {
    exchange.respond(200, "");
    if (exchange.peer_went()) closed.open();
    exchange.close_after();
  });
  launch();
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/idle").status, 200);
  const TestConfig never = shop(workers(), {alice_}, {}, {R"(reuse = "never")"});
  bonedry_->configure(never);
  EXPECT_EQ(bonedry_->admin("reload").find("error"), std::string::npos);
  EXPECT_TRUE(closed.wait());
}

}  // namespace
}  // namespace bonedry::test
