// Tunnels: a node switches protocols, and from then on all bytes are relayed in both directions.
#include "tests/scenario/story.h"
#include "tests/support/story_tls.h"

#include <future>
#include <string>
#include <string_view>
#include <thread>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const Headers kHandshake{{"Connection", "keep-alive, Upgrade"},
                         {"Upgrade", "websocket"},
                         {"Sec-WebSocket-Version", "13"},
                         {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: WebSocket\r\nConnection: upgrade\r\nX-Node: alice\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Receives what has come, at most `size` bytes; "" when the peer has finished.
std::string receive_some(Socket& socket, std::size_t size) {
  std::array<char, 16384> buffer{};
  return {buffer.data(), socket.receive(buffer.data(), std::min(buffer.size(), size))};
}

/// Receives until `size` bytes have arrived or the peer has finished.
std::string receive(Socket& socket, std::size_t size) {
  std::string all;
  while (all.size() < size) {
    const std::string more = receive_some(socket, size - all.size());
    if (more.empty()) break;
    all += more;
  }
  return all;
}

/// Sends all of `said` to a peer that returns it, and receives meanwhile what comes back.
std::string talk_and_hear(Socket& socket, std::string_view said) {
  const std::size_t size = said.size();
  std::string heard;
  while (heard.size() < size) {
    if (!said.empty()) said.remove_prefix(socket.send_now(said));
    const std::string more = receive_some(socket, size - heard.size());
    if (more.empty()) break;
    heard += more;
  }
  return heard;
}

/// Switches protocols, then echoes until the client finishes.
void echo_to_the_end(NodeExchange& exchange) {
  exchange.close_after();
  exchange.send(kSwitching);
  std::array<char, 65536> buffer{};
  while (const std::size_t size = exchange.socket().receive(buffer.data(), buffer.size())) {
    exchange.send({buffer.data(), size});
  }
}
void echo(NodeExchange& exchange) {
  echo_to_the_end(exchange);
  exchange.send("bye");
}

/// A client that asks to switch protocols and then sends raw bytes.
class TunnelClient {
 public:
  explicit TunnelClient(const std::string& address) : socket_(connect_story_client(address)) {}

  /// Returns the head of the response. `early`: bytes sent without waiting for the response.
  std::string ask(std::string_view early = {}, const std::string& cookie = {},
                  const std::string& target = "/ws") {
    Request request{.target = target, .headers = kHandshake};
    if (!cookie.empty()) request.headers.add("Cookie", "bonedry=" + cookie);
    socket_.send_all(request.to_wire() + std::string(early));
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string byte = receive(socket_, 1);
      if (byte.empty()) break;
      head += byte;
    }
    return head;
  }
  void say(std::string_view bytes) { socket_.send_all(bytes); }
  std::string hear(std::size_t size) { return receive(socket_, size); }
  Socket& socket() { return socket_; }

 private:
  Socket socket_;
};

class TunnelStory : public ShopStory {
 protected:
  TunnelStory() {
    alice_.on("/ws", echo);
    bob_.on("/ws", echo);
  }
  [[nodiscard]] std::int64_t open_tunnels(std::string_view name) const {
    const auto status = bonedry_->status();
    for (const auto& one : status.at("pools").at(0).at("nodes")) {
      if (one.at("name") == name) return one.at("websockets_open").get<std::int64_t>();
    }
    return -1;
  }
  [[nodiscard]] bool eventually_logged(std::string_view text) const {
    return eventually([&] { return bonedry_->out().find(text) != std::string::npos; });
  }
  [[nodiscard]] bool eventually_open(std::string_view name, std::int64_t count) const {
    return eventually([&] { return open_tunnels(name) == count; });
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, TunnelStory, worker_counts(), name_of_workers);

TEST_P(TunnelStory, BytesGoBothWays) {
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  const std::string head = client.ask();
  EXPECT_THAT(head, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: Upgrade\r\nUpgrade: WebSocket\r\n"));
  EXPECT_THAT(head, HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(head, HasSubstr("Set-Cookie: bonedry=")) << "a user may begin with it";
  for (int i = 0; i < 100; ++i) {
    client.say("ping " + std::to_string(i % 10));
    ASSERT_EQ(client.hear(6), "ping " + std::to_string(i % 10));
  }
  const NodeRequest seen = alice_.last("/ws");
  EXPECT_EQ(seen.headers.get("Upgrade"), "websocket");
  EXPECT_EQ(seen.headers.get("Connection"), "Upgrade");
  EXPECT_EQ(open_tunnels("alice"), 1);
  client.socket().close();
  EXPECT_TRUE(eventually_open("alice", 0));
  EXPECT_TRUE(eventually([&] { return node(alice_).exchanges_open == 0; }));
  EXPECT_TRUE(eventually_logged(R"("status":101)"));
}

TEST_P(TunnelStory, WhatTheClientDoesNotWaitToSayComesBehindTheSwitch) {
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  EXPECT_THAT(client.ask("early"), StartsWith("HTTP/1.1 101 "));
  EXPECT_EQ(client.hear(5), "early");
}

TEST_P(TunnelStory, AClientThatEndsItsSideHearsTheRest) {
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  client.ask();
  client.say("last words");
  client.socket().finish_sending();
  EXPECT_EQ(client.socket().receive_all(), "last wordsbye");
  EXPECT_TRUE(eventually_open("alice", 0));
  EXPECT_TRUE(eventually_logged(R"("end":"completed")"));
}

TEST_P(TunnelStory, AClientThatEndsItsSideBeforeTheSwitchIsHeardToo) {
  launch(shop(workers(), {alice_}));
  Socket client = connect_story_client(bonedry_->address());
  client.send_all(Request{.target = "/ws", .headers = kHandshake}.to_wire() + "words");
  client.finish_sending();
  EXPECT_THAT(client.receive_all(), testing::EndsWith("\r\n\r\nwordsbye"));
}

TEST_P(TunnelStory, ANodeThatEndsItsSideHearsTheRest) {
  std::promise<std::string> heard;
  alice_.on("/ws", [&heard](NodeExchange& exchange) {
    exchange.send(std::string(kSwitching) + "good night");
    exchange.socket().finish_sending();
    heard.set_value(exchange.socket().receive_all());
    exchange.close_after();
  });
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  client.ask();
  EXPECT_EQ(client.socket().receive_all(), "good night");
  client.say("and good luck");
  client.socket().finish_sending();
  EXPECT_EQ(heard.get_future().get(), "and good luck");
  EXPECT_TRUE(eventually_open("alice", 0));
}

TEST_P(TunnelStory, MuchGoesBothWaysAtOnce) {
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  client.ask();
  std::string sent;
  for (std::uint32_t i = 0; sent.size() < 24U * 1024 * 1024; ++i) {
    sent += std::to_string(i * 2654435761U);
  }
  EXPECT_EQ(sha256(talk_and_hear(client.socket(), sent)), sha256(sent));
}

TEST_P(TunnelStory, AnAnswerOtherThanASwitchIsAnAnswer) {
  alice_.on("/ws", [](NodeExchange& exchange) { exchange.respond(426, "another version"); });
  launch(shop(workers(), {alice_}));
  HttpClient client{bonedry_->address()};
  const Response response = client.exchange({.target = "/ws", .headers = kHandshake});
  EXPECT_EQ(response.status, 426);
  EXPECT_EQ(client.get("/").status, 200) << "the connection goes on";
  EXPECT_EQ(open_tunnels("alice"), 0);
}

TEST_P(TunnelStory, OtherProtocolsAreNotAskedFor) {
  launch(shop(workers(), {alice_}));
  HttpClient client{bonedry_->address()};
  for (const std::string protocol : {"h2c", "websocket, foo", "TLS/1.2"}) {
    const Response response = client.get("/page", {{"Connection", "Upgrade, HTTP2-Settings"},
                                                   {"Upgrade", protocol},
                                                   {"HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"}});
    EXPECT_EQ(response.status, 200) << protocol;
    EXPECT_FALSE(alice_.last("/page").headers.has("Upgrade")) << protocol;
    EXPECT_FALSE(alice_.last("/page").headers.has("HTTP2-Settings")) << protocol;
  }
  // Connection must list it (RFC 9110, 7.8), and the request's body must have been sent completely.
  EXPECT_EQ(client.get("/page", {{"Upgrade", "websocket"}}).status, 200);
  EXPECT_FALSE(alice_.last("/page").headers.has("Upgrade"));
  EXPECT_EQ(
      client
          .exchange({.method = "POST", .target = "/page", .headers = kHandshake, .body = "a body"})
          .status,
      200);
  EXPECT_FALSE(alice_.last("/page").headers.has("Upgrade"));
}

TEST_P(TunnelStory, APoolMayForbidThem) {
  launch(shop(workers(), {alice_}, {}, {"upgrades = []"}));
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/page", kHandshake).status, 200);
  EXPECT_FALSE(alice_.last("/page").headers.has("Upgrade"));
}

TEST_P(TunnelStory, ANodeThatSwitchesToSomethingElseIsNotBelieved) {
  alice_.on("/ws", answering_and_closing("HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\n"
                                         "Connection: upgrade\r\n\r\nsecret"));
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  EXPECT_THAT(client.ask(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(node(alice_).sessions(), 0) << "nobody has seen the node";
}

TEST_P(TunnelStory, AnAnswerOfOurOwnIsWholeForWhoAskedToSwitch) {
  alice_.on("/ws", [](NodeExchange& exchange) { exchange.close_after(); });
  launch(shop(workers(), {alice_}));
  HttpClient client{bonedry_->address()};
  const Response response = client.exchange({.target = "/ws", .headers = kHandshake});
  EXPECT_EQ(response.status, 502);
  EXPECT_THAT(response.body, StartsWith("502 Bad Gateway"));
  EXPECT_EQ(client.get("/").status, 200) << "the connection goes on";
}

TEST_P(TunnelStory, ItsUserStaysForAsLongAsItIsOpen) {
  launch(config({"idle_timeout = \"500ms\""}));
  order("maintain bob --force");
  TunnelClient client{bonedry_->address()};
  client.ask();
  User other{bonedry_->address()};
  other.click();
  ASSERT_EQ(other.node(), "alice");
  EXPECT_TRUE(eventually([&] { return node(alice_).sessions() == 1; })) << "the other has expired";
  client.say("still here");
  EXPECT_EQ(client.hear(10), "still here");
}

TEST_P(TunnelStory, TheListOfSessionsShowsWhoHasOneOpen) {
  launch(shop(workers(), {alice_}));
  User user = live_user_on(alice_);
  const auto tunnels = [this] {
    const auto sessions = bonedry_->admin_json("sessions alice json").at("sessions");
    return sessions.size() == 1 ? sessions.at(0).at("websockets_open").get<int>() : -1;
  };
  EXPECT_EQ(tunnels(), 0);
  {
    TunnelClient one{bonedry_->address()};
    TunnelClient other{bonedry_->address()};
    (void)one.ask({}, user.cookie());
    (void)other.ask({}, user.cookie());
    EXPECT_TRUE(eventually([&] { return tunnels() == 2; }));
    const auto held = bonedry_->admin_json("sessions alice json").at("sessions").at(0);
    EXPECT_TRUE(held.at("ends_in_s").is_null()) << "it cannot end by time";
    EXPECT_EQ(held.at("exchanges_open"), 2);
    one.socket().close();
    EXPECT_TRUE(eventually([&] { return tunnels() == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return tunnels() == 0; }));
  user.click();
  EXPECT_EQ(tunnels(), 0);
}

TEST_P(TunnelStory, ABleedWaitsForIt) {
  launch(config({"idle_timeout = \"300ms\""}));
  User user = live_user_on(alice_);
  TunnelClient client{bonedry_->address()};
  client.ask({}, user.cookie());
  ASSERT_TRUE(eventually_open("alice", 1));
  order("bleed alice");
  EXPECT_THAT(bonedry_->admin("wait alice --timeout 1s"), HasSubstr("1 open exchange"));
  client.say("still here");
  EXPECT_EQ(client.hear(10), "still here");
  client.socket().close();
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(TunnelStory, ADeadlineEndsItAndMovesItsUser) {
  launch(config());
  User user = live_user_on(alice_);
  TunnelClient client{bonedry_->address()};
  client.ask({}, user.cookie());
  ASSERT_TRUE(eventually_open("alice", 1));
  order("bleed alice --deadline 300ms");
  EXPECT_THAT(client.socket().receive_all(), IsEmpty()) << "it ends";
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(open_tunnels("alice"), 0);
  TunnelClient again{bonedry_->address()};
  EXPECT_THAT(again.ask({}, user.cookie()), HasSubstr("Set-Cookie: bonedry="));
  EXPECT_TRUE(eventually_open("bob", 1));
  EXPECT_EQ(node(alice_).moved, 1);
  EXPECT_TRUE(eventually_logged(R"("end":"tunnel_moved")"));
}

TEST_P(TunnelStory, OneThatBeginsWhenItsUsersWereTakenOffEndsToo) {
  const Gate gate;
  alice_.on("/ws", [&gate](NodeExchange& exchange) {
    (void)gate.wait();
    echo(exchange);
  });
  launch(config());
  User user = live_user_on(alice_);
  auto switched = std::async(std::launch::async, [&] {
    TunnelClient client{bonedry_->address()};
    const std::string head = client.ask({}, user.cookie());
    return head.substr(0, 12) + client.socket().receive_all();
  });
  ASSERT_TRUE(alice_.wait_for("/ws", 1));
  order("maintain alice --force");
  gate.open();
  EXPECT_EQ(switched.get(), "HTTP/1.1 101") << "and then it ends";
  EXPECT_TRUE(eventually_open("alice", 0));
  EXPECT_TRUE(eventually([&] { return node(alice_).exchanges_open == 0; }));
}

TEST_P(TunnelStory, ForcedMaintenanceEndsIt) {
  launch(config());
  User user = live_user_on(alice_);
  TunnelClient client{bonedry_->address()};
  client.ask({}, user.cookie());
  ASSERT_TRUE(eventually_open("alice", 1));
  order("maintain alice --force");
  EXPECT_THAT(client.socket().receive_all(), IsEmpty());
  EXPECT_TRUE(eventually_open("alice", 0));
}

TEST_P(TunnelStory, OneInWhichNothingMovesIsClosed) {
  TestConfig quiet = config();
  quiet.timeouts = {"tunnel = \"200ms\""};
  launch(quiet);
  TunnelClient client{bonedry_->address()};
  client.ask();
  EXPECT_THAT(client.socket().receive_all(), IsEmpty());
  EXPECT_TRUE(eventually_logged(R"("end":"tunnel_idle")"));
}

TEST_P(TunnelStory, OneThatIsClosedWithinWhatWasSaidIsSeenToBe) {
  const std::string much(32U * 1024 * 1024, 'x');
  alice_.on("/ws", [much](NodeExchange& exchange) {
    exchange.send(kSwitching);
    exchange.send(much);
    exchange.close_after();
  });
  TestConfig quiet = config();
  quiet.timeouts = {"tunnel = \"1s\""};
  quiet.pools.front().nodes = {alice_};
  launch(quiet);
  TunnelClient client{bonedry_->address()};
  client.ask();
  EXPECT_TRUE(eventually_logged(R"("end":"client_stalled")"));
  EXPECT_TRUE(eventually_open("alice", 0));
  EXPECT_THROW((void)client.socket().receive_all(), ConnectionReset);
}

TEST_P(TunnelStory, ANodeThatStopsReadingIsNamedAndTheClientSeesTheBreak) {
  const Gate over;
  alice_.on("/ws", [over](NodeExchange& exchange) {
    exchange.close_after();
    exchange.send(kSwitching);
    (void)over.wait();
  });
  TestConfig quiet = config();
  quiet.timeouts = {"tunnel = \"1s\""};
  quiet.pools.front().nodes = {alice_};
  launch(quiet);
  TunnelClient client{bonedry_->address()};
  client.ask();
  const std::string much(1024 * 1024, 'x');
  EXPECT_THROW(for (;;) client.say(much), ConnectionReset);
  EXPECT_TRUE(eventually_logged(R"("end":"node_stalled")"));
  over.open();
}

TEST_P(TunnelStory, OnceOneSideHasEndedTheOtherMustReadOn) {
  const std::string much(32U * 1024 * 1024, 'x');
  alice_.on("/ws", [much](NodeExchange& exchange) {
    exchange.send(kSwitching);
    exchange.send(much);
    exchange.close_after();
  });
  TestConfig quiet = config();
  // Longer than a busy machine may delay the node's sending.
  quiet.timeouts = {"stall = \"" + std::to_string(scaled(Millis{1500}).count()) + "ms\""};
  quiet.pools.front().nodes = {alice_};
  launch(quiet);
  TunnelClient client{bonedry_->address()};
  client.socket().limit_receive_buffer(64 * 1024);  // too small for all of it
  client.ask();
  client.socket().finish_sending();
  EXPECT_TRUE(eventually_logged(R"("end":"client_stalled")"));
  EXPECT_TRUE(eventually_open("alice", 0));
}

TEST_P(TunnelStory, SlowReadersOnEitherSideAreNotCut) {
  const Millis kIdle = scaled(Millis{1000});
  const Millis kPause = scaled(Millis{50});
  const auto read_slowly = [kPause](Socket& socket) {
    socket.limit_receive_buffer(64 * 1024);
    if (receive(socket, 4U * 1024 * 1024).size() != 4U * 1024 * 1024) return false;
    for (int i = 0; i < 100; ++i) {  // five times kIdle
      std::this_thread::sleep_for(kPause);
      if (receive(socket, 16384).size() != 16384) return false;
    }
    return true;
  };
  const Gate heard;
  alice_.on("/says", [](NodeExchange& exchange) {
    exchange.close_after();
    exchange.send(kSwitching);
    for (;;) exchange.socket().send_all(std::string(65536, 'x'), std::chrono::minutes{5});
  });
  alice_.on("/hears", [heard, read_slowly](NodeExchange& exchange) {
    exchange.close_after();
    exchange.send(kSwitching);
    if (read_slowly(exchange.socket())) heard.open();
  });
  TestConfig quiet = config();
  quiet.timeouts = {"tunnel = \"" + std::to_string(kIdle.count()) + "ms\""};
  quiet.pools.front().nodes = {alice_};
  launch(quiet);
  auto talking = std::async(std::launch::async, [&] {
    TunnelClient client{bonedry_->address()};
    client.ask({}, {}, "/hears");
    try {
      for (;;) client.say(std::string(65536, 'x'));
    } catch (const SocketError&) {
      return;  // the node has received enough, or was cut off
    }
  });
  TunnelClient client{bonedry_->address()};
  client.ask({}, {}, "/says");
  EXPECT_TRUE(read_slowly(client.socket()));
  EXPECT_TRUE(heard.wait());
  talking.get();
}

TEST_P(TunnelStory, OneThatMovesIsNot) {
  TestConfig quiet = config();
  quiet.timeouts = {"tunnel = \"400ms\"", "stall = \"100ms\""};
  launch(quiet);
  TunnelClient client{bonedry_->address()};
  client.ask();
  for (int i = 0; i < 12; ++i) {
    EXPECT_FALSE(client.socket().wait_readable(Millis{100})) << "the end has come, or more";
    client.say("tick");
    ASSERT_EQ(client.hear(4), "tick");
  }
}

TEST_P(TunnelStory, ANodeThatBreaksOffIsNotAnEnd) {
  alice_.on("/ws", [](NodeExchange& exchange) {
    exchange.send(kSwitching);
    receive(exchange.socket(), 4);
    exchange.reset();
  });
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  client.ask();
  client.say("ping");
  EXPECT_THROW((void)client.socket().receive_all(), ConnectionReset);
}

/// Echoes, and tells whether the client finished or broke off.
class Ending {
 public:
  [[nodiscard]] Handler handler() {
    return [this](NodeExchange& exchange) {
      try {
        echo_to_the_end(exchange);
        clean_.set_value(true);
      } catch (const SocketError&) {
        clean_.set_value(false);
      }
    };
  }
  [[nodiscard]] bool is_clean() { return clean_.get_future().get(); }

 private:
  std::promise<bool> clean_;
};

TEST_P(TunnelStory, AClientThatBreaksOffIsNotAnEnd) {
  Ending seen;
  alice_.on("/ws", seen.handler());
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  client.ask();
  client.say("delete /tmp");  // and the rest of the path is missing
  client.socket().reset();
  EXPECT_FALSE(seen.is_clean());
  EXPECT_TRUE(eventually_logged(R"("end":"client_gone")"));
}

TEST_P(TunnelStory, AFinAloneIsAnEndOnlyWithoutTls) {
  const bool plain = !story_client_tls();
  Ending seen;
  alice_.on("/ws", seen.handler());
  bob_.on("/cut", [](NodeExchange& exchange) {
    exchange.close_after();
    exchange.send(kSwitching);
    exchange.socket().cut();
    (void)exchange.peer_went();
  });
  launch(shop(workers(), {alice_}));
  TunnelClient client{bonedry_->address()};
  client.ask();
  client.say("delete /tmp");
  client.socket().cut();
  EXPECT_EQ(seen.is_clean(), plain) << "for the node";

  launch(shop(workers(), {bob_}));
  TunnelClient other{bonedry_->address()};
  other.ask({}, {}, "/cut");
  bool clean = true;
  try {
    (void)other.socket().receive_all();
  } catch (const SocketError&) {
    clean = false;
  }
  EXPECT_EQ(clean, plain) << "for the client";
}

TEST_P(TunnelStory, AnUpgradeOfTheProxyLeavesItOpen) {
  launch(config({"idle_timeout = \"300ms\""}));
  User user = live_user_on(alice_);
  TunnelClient client{bonedry_->address()};
  client.ask({}, user.cookie());
  ASSERT_TRUE(eventually_open("alice", 1));
  user.disconnect();  // a connection between requests would keep the old process, too
  bonedry_->upgrade();
  TunnelClient next{bonedry_->address()};
  next.ask({}, user.cookie());
  EXPECT_TRUE(eventually_open("alice", 2)) << "one in each process";
  for (TunnelClient* const each : {&client, &next}) {
    each->say("still here");
    EXPECT_EQ(each->hear(10), "still here");
  }
  order("bleed alice");
  next.socket().close();
  EXPECT_TRUE(eventually_open("alice", 1));
  EXPECT_THAT(bonedry_->admin("wait alice --timeout 1s"), HasSubstr("1 open exchange"));
  client.say("good-bye");
  client.socket().finish_sending();
  EXPECT_EQ(client.socket().receive_all(), "good-byebye");
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(TunnelStory, TheEndOfTheProxyWaitsForItOnlySoLong) {
  Ending seen;
  alice_.on("/ws", seen.handler());
  TestConfig ending = shop(workers(), {alice_});
  ending.timeouts = {"shutdown = \"500ms\""};
  launch(ending);
  TunnelClient client{bonedry_->address()};
  client.ask();
  auto stopping = std::async(std::launch::async, [&] { bonedry_->stop(); });
  EXPECT_TRUE(eventually(
      [&] { return bonedry_->err().find("waiting for open requests") != std::string::npos; }));
  client.say("still here");
  EXPECT_EQ(client.hear(10), "still here");
  stopping.get();
  EXPECT_THAT(client.socket().receive_all(), IsEmpty());
  EXPECT_TRUE(seen.is_clean());
}

}  // namespace
}  // namespace bonedry::test
