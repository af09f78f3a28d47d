// Limits: beyond each of them new work is refused with a clear message, and old work goes on.
#include "tests/scenario/story.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

class LimitStory : public ShopStory {
 protected:
  void launch_with(std::vector<std::string> limits, std::vector<std::string> server = {}) {
    TestConfig limited = config();
    limited.limits = std::move(limits);
    limited.server = std::move(server);
    launch(limited);
  }
  [[nodiscard]] std::unique_ptr<HttpClient> connected() const {
    auto client = std::make_unique<HttpClient>(bonedry_->address());
    EXPECT_EQ(client->get("/").status, 200);
    return client;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, LimitStory, worker_counts(), name_of_workers);

TEST_P(LimitStory, ConnectionsInAll) {
  launch_with({"connections = 5"});
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connected());
  HttpClient one_more{bonedry_->address()};
  const Response refusal = one_more.get("/");
  EXPECT_EQ(refusal.status, 503);
  EXPECT_TRUE(refusal.headers.has("Retry-After"));
  EXPECT_TRUE(one_more.closed_by_peer());
  for (const auto& client : clients) EXPECT_EQ(client->get("/").status, 200) << "old work goes on";
  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return HttpClient{bonedry_->address()}.get("/").status == 200; }))
      << "a place has become free";
}

TEST_P(LimitStory, ConnectionsFromOneAddress) {
  launch_with({"connections_per_client = 3"});
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connected());
  HttpClient one_more{bonedry_->address()};
  EXPECT_EQ(one_more.get("/").status, 429);
  EXPECT_TRUE(one_more.closed_by_peer());
  for (const auto& client : clients) EXPECT_EQ(client->get("/").status, 200);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return HttpClient{bonedry_->address()}.get("/").status == 200; }));
  EXPECT_TRUE(bonedry_->says("too many connections from this address"));
}

TEST_P(LimitStory, ATrustedProxySpeaksForMany) {
  launch_with({"connections_per_client = 1"}, {"trusted_proxies = [\"127.0.0.1\"]"});
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connected());
}

TEST_P(LimitStory, WhomAProxyAnnouncesIsCounted) {
  TestConfig limited = config();
  limited.server = {"trusted_proxies = [\"127.0.0.1\"]"};
  limited.limits = {"connections_per_client = 1"};
  limited.pools.front().listener = {"proxy_protocol = true"};
  launch(limited);
  const auto announced = [&](const std::string& address) {
    auto client = std::make_unique<HttpClient>(bonedry_->address());
    client->send("PROXY TCP4 " + address + " 192.0.2.9 1234 80\r\n" +
                 Request{.target = "/"}.to_wire());
    return client;
  };
  const auto first = announced("192.0.2.1");
  EXPECT_EQ(first->read_response().status, 200);
  const auto second = announced("192.0.2.1");
  EXPECT_EQ(second->read_response().status, 429);
  const auto other = announced("192.0.2.2");
  EXPECT_EQ(other->read_response().status, 200);
}

TEST_P(LimitStory, RequestsOnOneConnection) {
  launch_with({"requests_per_connection = 3"});
  HttpClient client{bonedry_->address()};
  EXPECT_FALSE(client.get("/").headers.has_token("Connection", "close"));
  EXPECT_FALSE(client.get("/").headers.has_token("Connection", "close"));
  EXPECT_TRUE(client.get("/").headers.has_token("Connection", "close"));
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_P(LimitStory, BodiesOfKnownLength) {
  launch_with({"body_bytes = 1000"});
  HttpClient client{bonedry_->address()};
  const Request fits{.method = "POST", .target = "/", .body = std::string(1000, 'x')};
  EXPECT_EQ(client.exchange(fits).status, 200);
  const std::size_t before = alice_.requests() + bob_.requests();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 413) << "before the body has come";
  EXPECT_TRUE(client.closed_by_peer());
  EXPECT_EQ(alice_.requests() + bob_.requests(), before) << "no node was troubled";
}

TEST_P(LimitStory, WhatIsRefusedAtOnceHasNoVerdictOfOthers) {
  launch_with({"body_bytes = 1000"});
  User user = live_user_on(alice_);
  EXPECT_EQ(user.click().status, 200);
  user.send({.method = "POST", .target = "/big", .body = std::string(1001, 'x')});
  const auto line = [this] {
    const std::string log = bonedry_->out();
    const auto at = log.find("/big");
    return at == std::string::npos ? "" : log.substr(at, log.find('\n', at) - at);
  };
  EXPECT_TRUE(eventually([&] { return line().find(R"("status":413)") != std::string::npos; }));
  EXPECT_EQ(line().find("own_node"), std::string::npos) << line();
}

TEST_P(LimitStory, BodiesInChunks) {
  launch_with({"body_bytes = 1000"});
  HttpClient client{bonedry_->address()};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
              chunk(std::string(600, 'x')));
  client.send(chunk(std::string(600, 'x')));
  EXPECT_EQ(client.read_response("POST").status, 413);
  EXPECT_TRUE(client.closed_by_peer());
  EXPECT_TRUE(
      eventually([&] { return node(alice_).exchanges_open + node(bob_).exchanges_open == 0; }));
}

/// A node that serves one exchange at a time, and records how many it had at once.
class QueueStory : public ShopStory {
 protected:
  QueueStory() {
    const auto slow = [this](NodeExchange& exchange) {
      const int now = ++at_once_;
      int max = max_at_once_;
      while (now > max && !max_at_once_.compare_exchange_weak(max, now)) {
      }
      exchange.read_body();
      (void)gate_.wait();
      --at_once_;
      exchange.respond(200, "slow");
    };
    alice_.on("/slow", slow);
  }
  void launch_queue(std::vector<std::string> node, std::vector<std::string> timeouts = {}) {
    TestConfig limited = shop(workers(), {TestNode{alice_, std::move(node)}});
    limited.timeouts = std::move(timeouts);
    launch(limited);
  }
  [[nodiscard]] std::vector<std::future<int>> ask(int count) const {
    std::vector<std::future<int>> answers;
    for (int i = 0; i < count; ++i) {
      answers.push_back(std::async(std::launch::async, [this] {
        return HttpClient{bonedry_->address()}.get("/slow").status;
      }));
    }
    return answers;
  }
  [[nodiscard]] std::int64_t waiting() const {
    return bonedry_->status()
        .at("pools")
        .at(0)
        .at("nodes")
        .at(0)
        .at("exchanges_waiting")
        .get<std::int64_t>();
  }

  const Gate gate_;
  std::atomic<int> at_once_{0};
  std::atomic<int> max_at_once_{0};
};

INSTANTIATE_TEST_SUITE_P(Workers, QueueStory, worker_counts(), name_of_workers);

TEST_P(QueueStory, WhoFindsNoConnectionFreeWaits) {
  launch_queue({"max_connections = 2"}, {"queue = \"30s\""});
  auto answers = ask(8);
  EXPECT_TRUE(eventually([&] { return waiting() == 6; }));
  EXPECT_TRUE(alice_.wait_for("/slow", 2));
  gate_.open();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), 200);
  EXPECT_LE(max_at_once_, 2);
  EXPECT_EQ(waiting(), 0);
}

TEST_P(QueueStory, TheQueueIsBounded) {
  launch_queue({"max_connections = 1", "max_waiting = 2"}, {"queue = \"30s\""});
  auto answers = ask(3);
  EXPECT_TRUE(eventually([&] { return waiting() == 2; }));
  EXPECT_EQ(HttpClient{bonedry_->address()}.get("/slow").status, 503);
  gate_.open();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), 200) << "old work goes on";
}

TEST_P(QueueStory, DuringAnUpgradeTheLimitHoldsForBothProcessesTogether) {
  launch_queue({"max_connections = 2"}, {"queue = \"30s\""});
  auto answers = ask(2);
  ASSERT_TRUE(alice_.wait_for("/slow", 2));
  bonedry_->upgrade();
  // Requests at the moment of the change may still have been accepted by the old one.
  std::vector<std::future<int>> more;
  EXPECT_TRUE(eventually([&] {
    more.push_back(std::move(ask(1).front()));
    return waiting() >= 3;
  })) << "of the new process";
  gate_.open();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), 200);
  for (auto& answer : more) EXPECT_EQ(answer.get(), 200);
  EXPECT_LE(max_at_once_, 2);
}

TEST_P(QueueStory, NobodyWaitsForEver) {
  launch_queue({"max_connections = 1"}, {"queue = \"100ms\""});
  auto first = ask(1);
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  const Response refusal = HttpClient{bonedry_->address()}.get("/slow");
  EXPECT_EQ(refusal.status, 503);
  EXPECT_TRUE(refusal.headers.has("Retry-After"));
  EXPECT_TRUE(eventually(
      [&] { return bonedry_->out().find(R"("end":"node_full")") != std::string::npos; }));
  gate_.open();
  EXPECT_EQ(first.front().get(), 200);
  EXPECT_EQ(node(alice_).sessions(), 1) << "who was refused was never there";
}

TEST_P(QueueStory, WhoGoesAwayLeavesTheQueue) {
  launch_queue({"max_connections = 1"}, {"queue = \"30s\""});
  auto first = ask(1);
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  {
    HttpClient impatient{bonedry_->address()};
    impatient.send(Request{.target = "/slow"}.to_wire());
    EXPECT_TRUE(eventually([&] { return waiting() == 1; }));
    impatient.socket().reset();
    EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
  }
  gate_.open();
  EXPECT_EQ(first.front().get(), 200);
  EXPECT_EQ(alice_.requests_for("/slow"), 1U);
}

TEST_P(QueueStory, NewUsersGoWhereAConnectionIsFree) {
  bob_.on("/slow", answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Node: bob\r\n\r\nbob"));
  launch(shop(workers(), {TestNode{alice_, {"max_connections = 1"}},
                          TestNode{bob_, {"max_connections = 100"}}}));
  User on_alice = new_user_on(alice_);
  auto busy = std::async(std::launch::async, [&] { return on_alice.click("/slow").status; });
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  for (int i = 0; i < 10; ++i) {
    User user{bonedry_->address()};
    EXPECT_EQ(user.click("/slow").status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
  gate_.open();
  EXPECT_EQ(busy.get(), 200);
}

TEST_P(QueueStory, WhoWaitsIsMovedWhenTheNodeIsForcedOut) {
  bob_.on("/slow", answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Node: bob\r\n\r\nbob"));
  TestConfig limited = shop(workers(), {TestNode{alice_, {"max_connections = 1"}}, bob_});
  limited.timeouts = {"queue = \"30s\""};
  launch(limited);
  User first = live_user_on(alice_);
  User second = live_user_on(alice_);
  auto busy = std::async(std::launch::async, [&] { return first.click("/slow").status; });
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  auto queued = std::async(std::launch::async, [&] { return second.click("/slow").status; });
  ASSERT_TRUE(eventually([&] { return waiting() == 1; }));
  order("maintain alice --force");
  gate_.open();
  EXPECT_EQ(busy.get(), 200);
  EXPECT_EQ(queued.get(), 200);
  EXPECT_EQ(second.node(), "bob");
}

}  // namespace
}  // namespace bonedry::test
