// Which requests are retried because their keep-alive connection had been closed by the node, and
// which never are.
#include "tests/scenario/story.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

/// Responds to the first request on each connection; at the second it sends `last_words` and
/// closes.
class AgingHandler {
 public:
  explicit AgingHandler(std::string last_words = {}) : last_words_(std::move(last_words)) {}

  void operator()(NodeExchange& exchange) {
    const NodeBody& body = exchange.read_body();
    {
      const std::lock_guard lock(state_->mutex);
      ++state_->requests;
      if (++state_->served[exchange.request().connection] > 1) {
        if (!last_words_.empty()) exchange.send(last_words_);
        return exchange.close_after();
      }
    }
    exchange.respond(200, "got " + body.text + body.trailers.get("X-Sum"));
  }
  [[nodiscard]] int requests() const {
    const std::lock_guard lock(state_->mutex);
    return state_->requests;
  }

 private:
  struct State {
    std::mutex mutex;
    std::map<std::size_t, int> served;
    int requests = 0;
  };
  std::string last_words_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class RetryStory : public Story {
 protected:
  /// A user whose next request reuses a connection to the node.
  User user_before(const AgingHandler& handler, std::vector<std::string> pool = {}) {
    alice_.on("/aging", handler);
    bonedry_ = std::make_unique<BonedryProcess>(shop(workers(), {alice_}, {}, std::move(pool)));
    User user{bonedry_->address()};
    EXPECT_EQ(user.click("/aging").status, 200);
    return user;
  }

  FakeNode alice_{"alice"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, RetryStory, worker_counts(), name_of_workers);

TEST_P(RetryStory, AnIdempotentRequestIsSentOnceMore) {
  const AgingHandler handler;
  User user = user_before(handler);
  for (const std::string method : {"GET", "HEAD", "OPTIONS", "DELETE"}) {
    EXPECT_EQ(user.send({.method = method, .target = "/aging"}).status, 200) << method;
  }
  EXPECT_EQ(handler.requests(), 1 + 2 * 4);
  EXPECT_EQ(bonedry_->node("alice").sessions(), 1) << "it is the same user all the time";
}

TEST_P(RetryStory, SoIsItsBodyWhenItIsStillHere) {
  const AgingHandler handler;
  User user = user_before(handler);
  EXPECT_EQ(user.send({.method = "PUT", .target = "/aging", .body = "a body"}).body, "got a body");
  Request chunked{.method = "PUT",
                  .target = "/aging",
                  .headers = {{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Sum"}}};
  HttpClient client{bonedry_->address()};
  client.get("/aging");  // so that the worker of this client has a connection to the node
  const int before = handler.requests();
  client.send(chunked.to_wire() + chunk("in two") + chunk(" pieces") + "0\r\nX-Sum: !\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "got in two pieces!");
  EXPECT_EQ(handler.requests(), before + 2);
}

TEST_P(RetryStory, ABodyThatHasGoneByIsNot) {
  const AgingHandler handler;
  User user = user_before(handler);
  const Request upload{.method = "PUT", .target = "/aging", .body = std::string(300'000, 'x')};
  EXPECT_EQ(user.send(upload).status, 502);
  EXPECT_EQ(handler.requests(), 2);
}

TEST_P(RetryStory, ANonIdempotentRequestIsNeverSentTwice) {
  const AgingHandler handler;
  User user = user_before(handler);
  for (const std::string method : {"POST", "PATCH"}) {
    EXPECT_EQ(user.send({.method = method, .target = "/aging", .body = "order"}).status, 502);
    EXPECT_EQ(user.click("/aging").status, 200) << "on a new connection";
  }
  EXPECT_EQ(handler.requests(), 1 + 2 * 2);
}

TEST_P(RetryStory, NorIsOneWhoseAnswerHadBegun) {
  for (const std::string begun :
       {"H", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"}) {
    const AgingHandler handler{begun};
    User user = user_before(handler);
    EXPECT_EQ(user.click("/aging").status, 502) << begun;
    EXPECT_EQ(handler.requests(), 2) << begun;
  }
}

TEST_P(RetryStory, OnceIsEnough) {
  alice_.on("/dying", [](NodeExchange& exchange) { exchange.close_after(); });
  User user = user_before(AgingHandler{});
  EXPECT_EQ(user.click("/dying").status, 502);
  EXPECT_EQ(alice_.requests_for("/dying"), 2U);
}

TEST_P(RetryStory, ANewConnectionThatDiesIsTheRequestsOwnDoing) {
  alice_.on("/dying", [](NodeExchange& exchange) { exchange.close_after(); });
  bonedry_ = std::make_unique<BonedryProcess>(shop(workers(), {alice_}));
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/dying").status, 502);
  EXPECT_EQ(alice_.requests_for("/dying"), 1U);
}

TEST_P(RetryStory, APoolMayForbidIt) {
  const AgingHandler handler;
  User user = user_before(handler, {"retry_percent = 0"});
  EXPECT_EQ(user.click("/aging").status, 502);
  EXPECT_EQ(handler.requests(), 2);
}

TEST_P(RetryStory, AnOutageIsNotMultiplied) {
  const AgingHandler handler;
  User user = user_before(handler, {"retry_percent = 1"});
  for (int i = 0; i < 60; ++i) EXPECT_EQ(user.click("/aging").status, 200);
  // Ten retries at first, then one per hundred requests; by then the proxy knows how soon the node
  // closes.
  EXPECT_GT(handler.requests(), 1 + 60);
  EXPECT_LE(handler.requests(), 1 + 60 + 10);
}

/// A node that closes late has had time to do the work, however it closes.
TEST_P(RetryStory, AResetAfterMuchWorkIsNoOldAge) {
  constexpr int kUsers = 20;
  // Each waits until all have come, and so needs a connection of its own.
  const Gate all_here;
  const auto arrived = std::make_shared<std::atomic<int>>(0);
  alice_.on("/first", [all_here, arrived](NodeExchange& exchange) {
    if (++*arrived == kUsers) all_here.open();
    (void)all_here.wait();
    exchange.respond(200, "ok");
  });
  alice_.on("/work", [](NodeExchange& exchange) {
    std::this_thread::sleep_for(Millis{1300});
    exchange.reset();
  });
  bonedry_ = std::make_unique<BonedryProcess>(shop(1, {alice_}, {}, {"retry_percent = 1"}));
  const auto all_ask_for = [this](const std::string& target, int status) {
    std::vector<std::thread> users;
    for (int i = 0; i < kUsers; ++i) {
      users.emplace_back([this, &target, status] {
        EXPECT_EQ(HttpClient(bonedry_->address()).get(target).status, status);
      });
    }
    for (std::thread& user : users) user.join();
  };
  all_ask_for("/first", 200);
  all_ask_for("/work", 502);
  EXPECT_LE(alice_.requests_for("/work"), kUsers + 10U) << "10 are allowed to begin with";
}

}  // namespace
}  // namespace bonedry::test
