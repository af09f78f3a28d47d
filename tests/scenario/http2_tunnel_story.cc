// WebSockets over HTTP/2 (RFC 8441): an extended CONNECT at the client's side is an Upgrade of
// HTTP/1.1 at the node's, and from then on all bytes are relayed in both directions.
#include "tests/scenario/http2_story.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

Request websocket(const std::string& target = "/ws", Headers headers = {}) {
  headers.add(":protocol", "websocket");
  headers.add("Sec-WebSocket-Version", "13");
  headers.add("Origin", "https://shop.example");
  return {.method = "CONNECT", .target = target, .headers = headers};
}

/// Accepts a WebSocket as RFC 6455 demands.
void accept_websocket(NodeExchange& exchange) {
  exchange.close_after();
  const std::string key = exchange.request().headers.get("Sec-WebSocket-Key");
  exchange.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "X-Node: " +
      exchange.node_name() + "\r\nSec-WebSocket-Accept: " + websocket_accept(key) + "\r\n\r\n");
}

/// Sends back what comes until the client finishes, then "bye".
void echo_websocket(NodeExchange& exchange) {
  accept_websocket(exchange);
  std::array<char, 65536> buffer{};
  while (const std::size_t size = exchange.socket().receive(buffer.data(), buffer.size())) {
    exchange.send({buffer.data(), size});
  }
  exchange.send("bye");
}

class Http2TunnelStory : public Http2Story {
 protected:
  Http2TunnelStory() {
    alice_.on("/ws", echo_websocket);
    bob_.on("/ws", echo_websocket);
  }
  [[nodiscard]] std::int64_t open_websockets(std::string_view name) const {
    const auto status = bonedry_->status();
    for (const auto& one : status.at("pools").at(0).at("nodes")) {
      if (one.at("name") == name) return one.at("websockets_open").get<std::int64_t>();
    }
    return -1;
  }
  [[nodiscard]] bool eventually_websockets(std::string_view name, std::int64_t count) const {
    return eventually([&] { return open_websockets(name) == count; });
  }
  /// Opens a WebSocket, which must be accepted.
  static StreamId open(Http2Client& client, const Headers& headers = {}) {
    const StreamId id = client.begin_upload(websocket("/ws", headers));
    EXPECT_EQ(client.read_head(id).status, 200);
    return id;
  }
  static std::string echo_of(Http2Client& client, StreamId id, std::string_view said) {
    client.send_data(id, said);
    return client.receive(id, said.size());
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2TunnelStory, worker_counts(), name_of_workers);

TEST_P(Http2TunnelStory, TheProxySaysThatItCan) {
  launch_alice();
  EXPECT_TRUE(Http2Client{address()}.peer_settings().extended_connect);
}

TEST_P(Http2TunnelStory, BytesGoBothWays) {
  launch_alice();
  Http2Client client{address()};
  const StreamId id =
      client.begin_upload(websocket("/ws", {{"Sec-WebSocket-Key", "has no meaning"}}));
  const Response head = client.read_head(id);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(set_cookie_value(head).has_value()) << "a user may begin with it";
  for (const char* name : {"Upgrade", "Connection", "Sec-WebSocket-Accept", "Content-Length"}) {
    EXPECT_FALSE(head.headers.has(name)) << name;
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(echo_of(client, id, "ping " + std::to_string(i % 10)),
              "ping " + std::to_string(i % 10));
  }
  EXPECT_EQ(open_websockets("alice"), 1);
  const NodeRequest seen = alice_.last("/ws");
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.version, "HTTP/1.1");
  EXPECT_EQ(seen.headers.get("Upgrade"), "websocket");
  EXPECT_EQ(seen.headers.get("Connection"), "Upgrade");
  EXPECT_EQ(seen.headers.get("Sec-WebSocket-Version"), "13");
  EXPECT_EQ(seen.headers.get("Origin"), "https://shop.example");
  EXPECT_THAT(seen.headers.all("Host"), ElementsAre("shop.example"));
  EXPECT_THAT(seen.headers.all("Sec-WebSocket-Key"), ElementsAre(SizeIs(24)))
      << "16 bytes in base64";
  EXPECT_FALSE(seen.headers.has("Content-Length"));
  EXPECT_FALSE(seen.headers.has("Transfer-Encoding"));
}

TEST_P(Http2TunnelStory, TheClientMayEndItsSideAndHearsTheRest) {
  launch_alice();
  Http2Client client{address()};
  const StreamId id = open(client);
  EXPECT_EQ(echo_of(client, id, "hello"), "hello");
  client.end(id);
  const Response rest = client.wait(id);
  EXPECT_EQ(rest.body, "bye");
  EXPECT_TRUE(rest.complete());
  EXPECT_TRUE(eventually_idle());
  EXPECT_TRUE(eventually_websockets("alice", 0));
  EXPECT_TRUE(eventually_logged("\"end\":\"completed\""));
  EXPECT_TRUE(client.usable());
}

TEST_P(Http2TunnelStory, TheNodeMayEndItsSideAndHearsTheRest) {
  const Gate heard;
  alice_.on("/ws", [heard](NodeExchange& exchange) {
    accept_websocket(exchange);
    exchange.send("over");
    exchange.socket().finish_sending();
    if (exchange.socket().receive_all() == "good-bye") heard.open();
  });
  launch_alice();
  Http2Client client{address()};
  const StreamId id = open(client);
  EXPECT_EQ(client.receive(id, 100), "over") << "to its end";
  client.send_data(id, "good-bye");
  client.end(id);
  EXPECT_TRUE(client.wait(id).complete());
  EXPECT_TRUE(heard.wait());
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2TunnelStory, ANodeThatBreaksOffIsNoEnd) {
  alice_.on("/ws", [](NodeExchange& exchange) {
    accept_websocket(exchange);
    char byte = 0;
    (void)exchange.socket().receive(&byte, 1);
    exchange.reset();
  });
  launch_alice();
  Http2Client client{address()};
  const StreamId id = open(client);
  client.send_data(id, "x");
  const Response cut = client.wait(id);
  EXPECT_FALSE(cut.complete());
  EXPECT_NE(cut.reset, "");
  EXPECT_EQ(client.get("/next").status, 200) << "the connection goes on";
}

TEST_P(Http2TunnelStory, AClientThatBreaksOffIsNoEndEither) {
  const Gate cut;
  alice_.on("/ws", [cut](NodeExchange& exchange) {
    accept_websocket(exchange);
    try {
      (void)exchange.socket().receive_all();
    } catch (const SocketError&) {
      cut.open();
    }
  });
  launch_alice();
  Http2Client client{address()};
  const StreamId id = open(client);
  client.send_data(id, "delete /tmp");  // and the rest of the path is missing
  client.reset(id);
  EXPECT_TRUE(cut.wait()) << "the node sees a reset";
  EXPECT_TRUE(eventually_logged("\"end\":\"client_gone\""));
  EXPECT_TRUE(eventually_websockets("alice", 0));
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2TunnelStory, ManyTunnelsAndRequestsShareAConnection) {
  launch_alice();
  Http2Client client{address()};
  std::vector<StreamId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(open(client));
  EXPECT_EQ(open_websockets("alice"), 20);
  for (int round = 0; round < 5; ++round) {
    for (const StreamId id : ids) client.send_data(id, "from " + std::to_string(id % 10));
    EXPECT_EQ(client.get("/page").status, 200);
    for (const StreamId id : ids) {
      ASSERT_EQ(client.receive(id, 6), "from " + std::to_string(id % 10));
    }
  }
  for (const StreamId id : ids) {
    client.end(id);
    EXPECT_EQ(client.wait(id).body, "bye");
  }
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2TunnelStory, MuchGoesThroughUnharmed) {
  constexpr std::size_t kSize = 8 << 20;
  launch_alice();
  Http2Client client{address()};
  const StreamId id = open(client);
  PatternBody body{1, kSize};
  Sha256 back;
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
    client.offer_data(id, piece);
    back.update(client.receive(id, piece.size()));
  }
  EXPECT_EQ(back.hex(), PatternBody::checksum(1, kSize));
}

TEST_P(Http2TunnelStory, ATunnelThatIsNotReadHoldsUpNoOtherStream) {
  alice_.on("/flood", [](NodeExchange& exchange) {
    accept_websocket(exchange);
    const std::string piece(65536, 'x');
    for (;;) exchange.socket().send_all(piece, std::chrono::minutes{5});
  });
  launch_alice();
  Http2Client client{address()};
  const StreamId flood = client.begin_upload(websocket("/flood"));
  EXPECT_EQ(client.read_head(flood).status, 200);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(client.get("/page").status, 200);
  EXPECT_EQ(client.receive(flood, 1 << 20).size(), 1U << 20);
  client.reset(flood);
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2TunnelStory, ANodeMayRefuse) {
  alice_.on("/ws", [](NodeExchange& exchange) { exchange.respond(403, "no"); });
  launch_alice();
  Http2Client client{address()};
  const StreamId id = client.begin_upload(websocket());
  const Response response = client.wait(id);
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.body, "no");
  EXPECT_TRUE(response.complete());
  client.reset(id);
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2TunnelStory, ANodeThatKnowsNoWebSocketsAnswersAsItDoes) {
  launch_alice();
  Http2Client client{address()};
  const StreamId id = client.begin_upload(websocket("/page"));
  const Response response = client.wait(id);
  EXPECT_NE(response.status, 101);
  EXPECT_GE(response.status, 400) << "a 2xx would mean that the tunnel is open";
  client.reset(id);
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2TunnelStory, OtherProtocolsAndPlainConnectsAreRefused) {
  launch_alice();
  Http2Client client{address()};
  const StreamId unknown = client.begin_upload(
      {.method = "CONNECT", .target = "/ws", .headers = {{":protocol", "connect-udp"}}});
  const Response response = client.wait(unknown);
  EXPECT_TRUE(response.status >= 400 || !response.complete()) << response.status;
  EXPECT_EQ(alice_.requests_for("/ws"), 0U);
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2TunnelStory, ItsSessionCannotEndWhileItIsOpenAndABleedWaitsForIt) {
  launch_http2(config({"idle_timeout = \"300ms\""}));
  const std::string cookie = live_user_on(alice_).cookie();
  Http2Client client{address()};
  const StreamId id = open(client, {{"Cookie", "bonedry=" + cookie}});
  EXPECT_EQ(alice_.requests_for("/ws"), 1U) << "at the node of its user";
  order("bleed alice");
  EXPECT_FALSE(eventually_dry(alice_, Millis{1000}));
  EXPECT_TRUE(node(alice_).blocked_by("1 open"));
  EXPECT_EQ(echo_of(client, id, "still here"), "still here");
  client.end(id);
  EXPECT_EQ(client.wait(id).body, "bye");
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(Http2TunnelStory, ADeadlineClosesIt) {
  launch_http2(config());
  const std::string cookie = live_user_on(alice_).cookie();
  Http2Client client{address()};
  const StreamId id = open(client, {{"Cookie", "bonedry=" + cookie}});
  order("bleed alice --deadline 300ms");
  EXPECT_FALSE(client.receive(id, 100).starts_with("x"));
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_TRUE(eventually_logged("\"end\":\"tunnel_moved\""));
  EXPECT_EQ(client.get("/", {{"Cookie", "bonedry=" + cookie}}).headers.get("X-Node"), "bob");
}

TEST_P(Http2TunnelStory, AnIdleOneIsClosed) {
  TestConfig idle = shop(workers(), {alice_});
  idle.timeouts = {"tunnel = \"300ms\"", "shutdown = \"2s\""};
  launch_http2(idle);
  Http2Client client{address()};
  const StreamId id = open(client);
  (void)client.wait(id);
  EXPECT_TRUE(eventually_logged("\"end\":\"tunnel_idle\""));
  EXPECT_TRUE(eventually_idle());
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_P(Http2TunnelStory, WithHttp1OnTheSameListenerAllIsAsBefore) {
  launch_alice();
  HttpClient client{address()};
  client.send(Request{.target = "/ws",
                      .headers = {{"Connection", "Upgrade"},
                                  {"Upgrade", "websocket"},
                                  {"Sec-WebSocket-Version", "13"},
                                  {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}}
                  .to_wire());
  EXPECT_EQ(client.read_head().status, 101);
}

}  // namespace
}  // namespace bonedry::test
