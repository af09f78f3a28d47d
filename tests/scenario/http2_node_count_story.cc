// What is counted of HTTP/2, on connections to nodes and on those of clients.
#include "tests/scenario/http2_node_story.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

class Http2NodeCountStory : public Http2NodeStory {
 protected:
  using Counts = std::map<std::string, std::int64_t>;
  static constexpr const char* kClients = "http2";
  static constexpr const char* kNodes = "http2_nodes";

  /// Of `status json`, without what is 0.
  [[nodiscard]] Counts counts(const std::string& side) const {
    Counts counts = bonedry_->status().at(side);
    std::erase_if(counts, [](const auto& each) { return each.second == 0; });
    return counts;
  }
  /// Soon, and no more: everything that is not named is 0.
  void expect_counts(const std::string& side, const Counts& wanted) const {
    (void)eventually([&] { return counts(side) == wanted; });
    EXPECT_EQ(counts(side), wanted) << side;
  }
  [[nodiscard]] std::int64_t metric(const std::string& name) const {
    Socket door = Socket::connect_unix(files_ / "door");
    door.send_all("GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n");
    const std::string metrics = door.receive_all();
    const auto found = metrics.find("\n" + name + " ");
    if (found == std::string::npos) throw std::runtime_error("no metric " + name);
    return std::stoll(metrics.substr(found + name.size() + 2));
  }
  [[nodiscard]] static Http2Handler waiting() {
    return [](Http2NodeExchange& exchange) { (void)exchange.wait_for_reset(kDeadline * 2); };
  }
  /// Refuses its first request.
  [[nodiscard]] static Http2Handler refusing_once() {
    const auto refused = std::make_shared<std::atomic<bool>>(false);
    return [refused](Http2NodeExchange& exchange) {
      if (!refused->exchange(true)) return exchange.reset("REFUSED_STREAM");
      exchange.respond(200, "at last");
    };
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2NodeCountStory, worker_counts(), name_of_workers);

TEST_P(Http2NodeCountStory, ConnectionsAndStreamsWhileTheyAreOpenAndAltogether) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_alice({"streams_per_connection = 2"});
  expect_counts(kNodes, {});
  auto client = std::make_unique<Http2Client>(address());
  std::vector<StreamId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(client->begin({.target = "/slow"}));
  ASSERT_TRUE(alice_.wait_for("/slow", 5));
  expect_counts(kNodes,
                {{"connections_open", 3}, {"connections", 3}, {"streams_open", 5}, {"streams", 5}});
  expect_counts(kClients,
                {{"connections_open", 1}, {"connections", 1}, {"streams_open", 5}, {"streams", 5}});
  gate.open();
  for (const StreamId id : ids) EXPECT_EQ(client->wait(id).status, 200);
  expect_counts(kNodes, {{"connections_open", 3}, {"connections", 3}, {"streams", 5}});
  expect_counts(kClients, {{"connections_open", 1}, {"connections", 1}, {"streams", 5}});
  client.reset();
  expect_counts(kClients, {{"connections", 1}, {"streams", 5}});
}

TEST_P(Http2NodeCountStory, AResetByTheNode) {
  alice_.on("/reset", [](Http2NodeExchange& exchange) { exchange.reset("INTERNAL_ERROR"); });
  launch_alice();
  Http2Client client{address()};
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(client.exchange({.method = "POST", .target = "/reset"}, kDeadline).status, 502);
  expect_counts(
      kNodes,
      {{"connections_open", 1}, {"connections", 1}, {"streams", 2}, {"resets_received", 1}});
  expect_counts(kClients, {{"connections_open", 1}, {"connections", 1}, {"streams", 2}});
  EXPECT_EQ(metric("bonedry_http2_nodes_streams_total"), 2);
  EXPECT_EQ(metric("bonedry_http2_nodes_resets_total{by=\"node\"}"), 1);
  EXPECT_EQ(metric("bonedry_http2_nodes_resets_total{by=\"proxy\"}"), 0);
}

TEST_P(Http2NodeCountStory, AResetByTheProxyWhoseClientHasReset) {
  alice_.on("/wait", waiting());
  launch_alice();
  Http2Client client{address()};
  const StreamId id = client.begin({.target = "/wait"});
  ASSERT_TRUE(alice_.wait_for("/wait", 1));
  client.reset(id);
  expect_counts(kNodes,
                {{"connections_open", 1}, {"connections", 1}, {"streams", 1}, {"resets_sent", 1}});
  expect_counts(
      kClients,
      {{"connections_open", 1}, {"connections", 1}, {"streams", 1}, {"resets_received", 1}});
  EXPECT_EQ(metric("bonedry_http2_nodes_resets_total{by=\"proxy\"}"), 1);
}

TEST_P(Http2NodeCountStory, ARefusedStreamIsARetryOfItsNode) {
  alice_.on("/refused", refusing_once());
  launch_alice();
  Http2Client client{address()};
  EXPECT_EQ(client.exchange({.method = "POST", .target = "/refused"}, kDeadline).status, 200);
  expect_counts(kNodes, {{"connections_open", 1},
                         {"connections", 2},
                         {"streams", 2},
                         {"resets_received", 1},
                         {"refused", 1}});
  EXPECT_EQ(counted("retries", alice_), 1);
  EXPECT_EQ(bonedry_->status().at("exchanges").at("retries"), 1);
  EXPECT_EQ(metric("bonedry_http2_nodes_refused_total"), 1);
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeCountStory, AGoawayAndWhatItRefuses) {
  const Gate gate;
  alice_.on("/accepted", answering_at(gate));
  const auto once = std::make_shared<std::atomic<bool>>(false);
  alice_.on("/above", [once](Http2NodeExchange& exchange) {
    if (!once->exchange(true)) return exchange.goaway(exchange.request().stream - 2);
    exchange.respond(200, "at last");
  });
  launch_alice();
  Http2Client client{address()};
  const StreamId accepted = client.begin({.target = "/accepted"});
  ASSERT_TRUE(alice_.wait_for("/accepted", 1));
  EXPECT_EQ(client.exchange({.method = "POST", .target = "/above"}, kDeadline).status, 200);
  expect_counts(kNodes, {{"connections_open", 2},
                         {"connections", 2},
                         {"streams_open", 1},
                         {"streams", 3},
                         {"goaways_received", 1}});
  gate.open();
  EXPECT_EQ(client.wait(accepted).status, 200);
  expect_counts(
      kNodes,
      {{"connections_open", 1}, {"connections", 2}, {"streams", 3}, {"goaways_received", 1}});
  EXPECT_EQ(counted("retries", alice_), 1);
  EXPECT_EQ(metric("bonedry_http2_nodes_goaways_total{by=\"node\"}"), 1);
  expect_no_mark_against(alice_);
}

TEST_P(Http2NodeCountStory, AnUploadThatWaitsForItsNode) {
  alice_.configure({.stream_window = 16384});
  const Gate gate;
  alice_.on("/up", [gate](Http2NodeExchange& exchange) {
    (void)gate.wait();
    answer_plainly_http2(exchange);
  });
  launch_alice();
  Http2Client client{address()};
  EXPECT_EQ(client.get("/").status, 200);
  const StreamId id = client.begin_upload({.method = "POST", .target = "/up"});
  client.offer_data(id, std::string(50'000, 'x'));
  client.end(id);
  ASSERT_TRUE(alice_.wait_for("/up", 1));
  expect_counts(kNodes, {{"connections_open", 1},
                         {"connections", 1},
                         {"streams_open", 1},
                         {"streams", 2},
                         {"stalls", 1}});
  EXPECT_EQ(metric("bonedry_http2_nodes_flow_control_stalls_total"), 1);
  gate.open();
  EXPECT_EQ(client.wait(id).status, 200);
  EXPECT_EQ(counts(kClients).count("stalls"), 0U);
}

TEST_P(Http2NodeCountStory, AResponseThatWaitsForItsClient) {
  alice_.on("/big", sending_pattern(6, 1 << 20, {}));
  launch_alice();
  Http2Client client{address()};
  const StreamId id = client.begin({.target = "/big"});
  EXPECT_EQ(client.read_head(id).status, 200);
  expect_counts(kClients, {{"connections_open", 1},
                           {"connections", 1},
                           {"streams_open", 1},
                           {"streams", 1},
                           {"stalls", 1}});
  EXPECT_EQ(counts(kNodes).count("stalls"), 0U);
  EXPECT_TRUE(reads_pattern(client, id, 6, 1 << 20));
}

TEST_P(Http2NodeCountStory, HealthChecksAreNotCounted) {
  TestConfig config = shop(workers(), {at(alice_)});
  config.pools[0].health = {"path = \"/healthz\"", "interval = \"50ms\""};
  launch(config);
  ASSERT_TRUE(alice_.wait_for("/healthz", 3));
  expect_counts(kNodes, {});
  EXPECT_EQ(ask(User::Protocol::http1, {.target = "/"}).status, 200);
  EXPECT_EQ(counts(kNodes)["streams"], 1);
  expect_counts(kClients, {});
}

TEST_P(Http2NodeCountStory, AnUpgradeSetsNothingBackAndWhatIsOpenIsOfTheNewProcess) {
  alice_.on("/refused", refusing_once());
  launch_alice();
  {
    Http2Client client{address()};
    EXPECT_EQ(client.get("/refused").status, 200);
    EXPECT_EQ(client.get("/").status, 200);
  }
  Counts wanted{{"connections", 2}, {"streams", 3}, {"resets_received", 1}, {"refused", 1}};
  Counts before = wanted;
  before["connections_open"] = 1;
  expect_counts(kNodes, before);
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_ends());
  expect_counts(kNodes, wanted);
  EXPECT_EQ(ask(User::Protocol::http2, {.target = "/"}).status, 200);
  ++wanted["connections"];
  ++wanted["streams"];
  wanted["connections_open"] = 1;
  expect_counts(kNodes, wanted);
  EXPECT_EQ(counts(kClients)["streams"], 3);
  EXPECT_EQ(counts(kClients)["connections"], 2);
}

}  // namespace
}  // namespace bonedry::test
