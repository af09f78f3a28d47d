// Connections to nodes that speak HTTP/2: what shares one, what a node refuses or no longer takes,
// and how they end.
#include "tests/scenario/http2_node_story.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;
using testing::SizeIs;

class Http2NodeConnectionStory : public Http2NodeStory {
 protected:
  /// Begins requests for this path, each on a stream of its own.
  [[nodiscard]] static std::vector<StreamId> begin_many(Http2Client& client, int count,
                                                        const std::string& target) {
    std::vector<StreamId> ids;
    for (int i = 0; i < count; ++i) ids.push_back(client.begin({.target = target}));
    return ids;
  }
  static void expect_served(Http2Client& client, const std::vector<StreamId>& ids) {
    for (const StreamId id : ids) {
      const Response response = client.wait(id);
      EXPECT_EQ(response.status, 200) << id << ' ' << response.reset;
    }
  }
  /// The numbers of the connections on which requests for this path came, in their order.
  [[nodiscard]] std::vector<std::size_t> connections_of(const std::string& path) const {
    std::vector<std::size_t> all;
    for (const Http2NodeRequest& each : alice_.seen()) {
      if (each.path() == path) all.push_back(each.connection);
    }
    return all;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2NodeConnectionStory, worker_counts(), name_of_workers);

TEST_P(Http2NodeConnectionStory, OneAfterTheOtherUsesOneConnection) {
  launch_alice();
  for (int i = 0; i < 10; ++i) {
    for (const User::Protocol protocol : kBothProtocols) {
      EXPECT_EQ(ask(protocol, {.target = "/"}).status, 200);
      EXPECT_EQ(ask(protocol, {.method = "POST", .target = "/", .body = "hi"}).status, 200);
    }
  }
  EXPECT_EQ(alice_.connections(), 1U);
  EXPECT_EQ(counted("connects", alice_), 1);
  EXPECT_EQ(counted("connection_reuses", alice_), 39);
}

TEST_P(Http2NodeConnectionStory, EightAtATimeShareAConnectionByDefault) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_alice();
  Http2Client client{address()};
  const auto ids = begin_many(client, 40, "/slow");
  ASSERT_TRUE(alice_.wait_for("/slow", 40));
  EXPECT_EQ(alice_.most_streams(), 8U);
  EXPECT_EQ(alice_.connections(), 5U);
  gate.open();
  expect_served(client, ids);
}

TEST_P(Http2NodeConnectionStory, APoolMayHaveMoreOrFewerShareOne) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_alice({"streams_per_connection = 3"});
  Http2Client client{address()};
  const auto ids = begin_many(client, 7, "/slow");
  ASSERT_TRUE(alice_.wait_for("/slow", 7));
  EXPECT_EQ(alice_.most_streams(), 3U);
  EXPECT_EQ(alice_.connections(), 3U);
  gate.open();
  expect_served(client, ids);
}

TEST_P(Http2NodeConnectionStory, TheNodesOwnLimitIsObeyed) {
  alice_.configure({.max_concurrent_streams = 2});
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_alice();
  EXPECT_EQ(ask(User::Protocol::http1, {.target = "/"}).status, 200);  // the SETTINGS are here
  Http2Client client{address()};
  const auto ids = begin_many(client, 6, "/slow");
  ASSERT_TRUE(alice_.wait_for("/slow", 6));
  EXPECT_EQ(alice_.most_streams(), 2U);
  gate.open();
  expect_served(client, ids);
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeConnectionStory, WhoFindsNoStreamFreeWaits) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  TestConfig config =
      shop(workers(), {at(alice_, {"max_connections = 1"})}, {}, {"streams_per_connection = 2"});
  config.timeouts = {"queue = \"30s\""};
  launch(config);
  Http2Client client{address()};
  const auto ids = begin_many(client, 3, "/slow");
  ASSERT_TRUE(alice_.wait_for("/slow", 2));
  EXPECT_TRUE(eventually([this] { return waiting() == 1; }));
  EXPECT_EQ(alice_.requests_for("/slow"), 2U);
  gate.open();
  expect_served(client, ids);
  EXPECT_EQ(alice_.requests_for("/slow"), 3U);
  EXPECT_EQ(alice_.connections(), 1U);
  EXPECT_EQ(waiting(), 0);
}

TEST_P(Http2NodeConnectionStory, NobodyWaitsForAStreamForEver) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  TestConfig config = shop(workers(), {at(alice_, {"max_connections = 1", "max_waiting = 1"})}, {},
                           {"streams_per_connection = 1"});
  config.timeouts = {"queue = \"200ms\""};
  launch(config);
  Http2Client client{address()};
  const StreamId first = client.begin({.target = "/slow"});
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  EXPECT_EQ(client.get("/slow").status, 503);
  EXPECT_TRUE(eventually_logged(R"("end":"node_full")"));
  gate.open();
  EXPECT_EQ(client.wait(first).status, 200);
}

TEST_P(Http2NodeConnectionStory, WhoLeavesTheQueueTakesNoStream) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  TestConfig config =
      shop(workers(), {at(alice_, {"max_connections = 1"})}, {}, {"streams_per_connection = 1"});
  config.timeouts = {"queue = \"30s\""};
  launch(config);
  Http2Client client{address()};
  const StreamId first = client.begin({.target = "/slow"});
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  const StreamId impatient = client.begin({.target = "/slow"});
  EXPECT_TRUE(eventually([this] { return waiting() == 1; }));
  client.reset(impatient);
  EXPECT_TRUE(eventually([this] { return waiting() == 0; }));
  gate.open();
  EXPECT_EQ(client.wait(first).status, 200);
  EXPECT_EQ(client.get("/next").status, 200);
  EXPECT_EQ(alice_.requests_for("/slow"), 1U);
}

TEST_P(Http2NodeConnectionStory, AnIdleConnectionIsClosedAfterItsTime) {
  launch_alice({"reuse = \"300ms\""});
  Http2Client client{address()};
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_TRUE(eventually([this] { return alice_.open_connections() == 0; }));
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(alice_.connections(), 2U);
}

TEST_P(Http2NodeConnectionStory, ANodeThatClosesIdleConnectionsLosesNoRequest) {
  launch_alice();
  Http2Client client{address()};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(client.exchange({.method = "POST", .body = "order"}, kDeadline).status, 200) << i;
    alice_.goaway();
    EXPECT_TRUE(eventually([this] { return alice_.open_connections() == 0; })) << "closed with it";
  }
  EXPECT_EQ(alice_.requests(), 10U);
  expect_no_mark_against(alice_);
}

/// A node that refuses the first few requests for a path.
class RefusingHandler {
 public:
  explicit RefusingHandler(int times) : left_(std::make_shared<std::atomic<int>>(times)) {}

  void operator()(Http2NodeExchange& exchange) const {
    if ((*left_)-- > 0) return exchange.reset("REFUSED_STREAM");
    exchange.respond(200, "got " + exchange.read_body().text);
  }

 private:
  std::shared_ptr<std::atomic<int>> left_;
};

TEST_P(Http2NodeConnectionStory, ARefusedRequestGoesAgainWhateverItsMethod) {
  launch_alice({"retry_percent = 0"});
  std::size_t requests = 0;
  for (const User::Protocol protocol : kBothProtocols) {
    for (const std::string method : {"GET", "POST", "PATCH"}) {
      alice_.on("/refused", RefusingHandler{2});
      const std::string body = method == "GET" ? "" : "an order";
      const Response response =
          ask(protocol, {.method = method, .target = "/refused", .body = body});
      EXPECT_EQ(response.status, 200) << method;
      EXPECT_EQ(response.body, "got " + body) << method;
      EXPECT_EQ(alice_.requests_for("/refused"), requests += 3) << method;
      const auto connections = connections_of("/refused");
      EXPECT_EQ(std::set<std::size_t>(connections.end() - 3, connections.end()).size(), 3U)
          << "each on another connection";
    }
  }
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeConnectionStory, ThreeTimesRefusedIsRefused) {
  launch_alice();
  for (const User::Protocol protocol : kBothProtocols) {
    alice_.on("/refused", RefusingHandler{1000});
    const std::size_t before = alice_.requests_for("/refused");
    const Response response = ask(protocol, {.target = "/refused"});
    EXPECT_THAT(response.status, AnyOf(502, 503));
    EXPECT_TRUE(response.complete());
    EXPECT_EQ(alice_.requests_for("/refused"), before + 3);
  }
  EXPECT_EQ(ask(User::Protocol::http1, {.target = "/"}).status, 200);
}

TEST_P(Http2NodeConnectionStory, ABodyThatIsStillHereGoesAgain) {
  alice_.configure({.stream_window = 16384});  // no more of the body can be sent
  const auto refused = std::make_shared<std::atomic<bool>>(false);
  alice_.on("/refused", [refused](Http2NodeExchange& exchange) {
    if (!refused->exchange(true)) {
      EXPECT_TRUE(exchange.wait_for_bytes(16384));
      return exchange.reset("REFUSED_STREAM");
    }
    answer_plainly_http2(exchange);
  });
  launch_alice();
  for (const User::Protocol protocol : kBothProtocols) {
    *refused = false;
    const std::string body = std::string(500'000, 'a') + std::string(500'000, 'b');
    const Response response = ask(protocol, {.method = "POST", .target = "/refused", .body = body});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(alice_.last("/refused").body.sha256, sha256(body));
  }
  EXPECT_EQ(alice_.requests_for("/refused"), 4U);
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeConnectionStory, ABodyThatHasGoneByDoesNot) {
  alice_.on("/refused", [](Http2NodeExchange& exchange) {
    EXPECT_EQ(exchange.receive(300'000).size(), 300'000U);
    exchange.reset("REFUSED_STREAM");
  });
  launch_alice();
  for (const User::Protocol protocol : kBothProtocols) {
    const std::size_t before = alice_.requests_for("/refused");
    const Response response = ask(
        protocol, {.method = "POST", .target = "/refused", .body = std::string(1'000'000, 'x')});
    EXPECT_THAT(response.status, AnyOf(502, 503));
    EXPECT_EQ(alice_.requests_for("/refused"), before + 1);
  }
}

TEST_P(Http2NodeConnectionStory, AGoawayLeavesWhatWasAcceptedAndTakesNothingNew) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_alice();
  Http2Client client{address()};
  const auto slow = begin_many(client, 3, "/slow");
  ASSERT_TRUE(alice_.wait_for("/slow", 3));
  alice_.goaway();
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(client.get("/new").status, 200);
    return alice_.last("/new").connection == 2;
  }));
  EXPECT_EQ(alice_.open_connections(), 2U);
  gate.open();
  expect_served(client, slow);
  EXPECT_TRUE(eventually([this] { return alice_.open_connections() == 1; }))
      << "when the accepted ones are done";
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeConnectionStory, TheProxyClosesAConnectionThatTheNodeWillNotUseAgain) {
  alice_.on("/last", [](Http2NodeExchange& exchange) {
    exchange.goaway(exchange.request().stream);
    exchange.respond(200, "the last one");
  });
  launch_alice();
  EXPECT_EQ(ask(User::Protocol::http2, {.target = "/last"}).body, "the last one");
  EXPECT_TRUE(eventually([this] { return alice_.open_connections() == 0; }));
}

TEST_P(Http2NodeConnectionStory, StreamsAboveTheLastOneGoAgain) {
  const Gate gate;
  alice_.on("/accepted", answering_at(gate));
  const auto once = std::make_shared<std::atomic<bool>>(false);
  alice_.on("/above", [once](Http2NodeExchange& exchange) {
    const std::string body = exchange.read_body().text;
    if (!once->exchange(true)) return exchange.goaway(exchange.request().stream - 2);
    exchange.respond(200, "got " + body);
  });
  launch_alice();
  Http2Client client{address()};
  const StreamId accepted = client.begin({.target = "/accepted"});
  ASSERT_TRUE(alice_.wait_for("/accepted", 1));
  const Response response =
      client.exchange({.method = "POST", .target = "/above", .body = "an order"}, kDeadline);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "got an order");
  EXPECT_EQ(alice_.requests_for("/above"), 2U);
  gate.open();
  EXPECT_EQ(client.wait(accepted).body, "at last");
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeConnectionStory, ANodeThatTakesNothingIsNotAskedForEver) {
  alice_.on("/never", [](Http2NodeExchange& exchange) { exchange.goaway(0); });
  launch_alice();
  for (const User::Protocol protocol : kBothProtocols) {
    const std::size_t before = alice_.requests_for("/never");
    EXPECT_THAT(ask(protocol, {.method = "POST", .target = "/never"}).status, AnyOf(502, 503));
    EXPECT_EQ(alice_.requests_for("/never"), before + 3);
  }
}

/// 1,000 requests of four users, every second of whom speaks HTTP/2, through a node that gives its
/// connections up all the time.
TEST_P(Http2NodeConnectionStory, AThousandRequestsPassANodeThatSendsAGoawayEvery100) {
  alice_.goaway_every(100);
  launch_alice();
  std::vector<std::future<int>> users;
  for (int user = 0; user < 4; ++user) {
    users.push_back(std::async(std::launch::async, [this, user] {
      const auto client = connect(kBothProtocols.at(static_cast<std::size_t>(user % 2)));
      int served = 0;
      for (int i = 0; i < 250; ++i) {
        const std::string number = std::to_string(user * 250 + i);
        const bool posts = i % 2 == 1;
        const Response response = client->exchange({.method = posts ? "POST" : "GET",
                                                    .target = "/n/" + number,
                                                    .body = posts ? std::string(1000, 'x') : ""},
                                                   kDeadline);
        if (response.status == 200 && response.complete()) ++served;
      }
      return served;
    }));
  }
  for (auto& user : users) EXPECT_EQ(user.get(), 250);
  EXPECT_EQ(alice_.requests(), 1000U) << "none twice";
  EXPECT_GE(alice_.connections(), 10U);
  expect_no_mark_against(alice_);
}

/// The same with all of them in flight at once.
TEST_P(Http2NodeConnectionStory, SoDoThoseWhoAskAtTheSameTime) {
  alice_.goaway_every(100);
  launch_alice();
  Http2Client client{address()};
  for (int round = 0; round < 20; ++round) {
    std::vector<StreamId> ids;
    for (int i = 0; i < 50; ++i) {
      ids.push_back(client.begin({.method = i % 2 == 1 ? "POST" : "GET",
                                  .target = "/",
                                  .body = i % 2 == 1 ? std::string(1000, 'x') : ""}));
    }
    expect_served(client, ids);
  }
  EXPECT_EQ(alice_.requests(), 1000U) << "none twice";
  expect_no_mark_against(alice_);
}

}  // namespace
}  // namespace bonedry::test
