// The PROXY protocol towards bonedry: which peers may use it, and which client address results.
#include "tests/scenario/story.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kV1 = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";
const std::string kV2 =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb"s;
const std::string kV2LocalHeader = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s;
const std::string kRequest = "GET /seen HTTP/1.1\r\nHost: shop.example\r\n\r\n";

class ProxyProtocolStory : public Story {
 protected:
  void launch(const std::string& trusted = "127.0.0.1", std::vector<std::string> timeouts = {}) {
    bonedry_ = std::make_unique<BonedryProcess>(config(trusted, std::move(timeouts)));
  }
  [[nodiscard]] TestConfig config(const std::string& trusted,
                                  std::vector<std::string> timeouts = {}) const {
    TestConfig config = shop(workers(), {alice_});
    config.server = {"trusted_proxies = [\"" + trusted + "\"]"};
    config.timeouts = std::move(timeouts);
    config.pools[0].listener = {"proxy_protocol = true"};
    return config;
  }

  /// The client address that the node sees in the next request that is served.
  std::vector<std::string> client_as_seen(HttpClient& client) {
    EXPECT_EQ(client.read_response().status, 200);
    return alice_.last("/seen").headers.all("X-Forwarded-For");
  }
  /// The client address that the node sees when these bytes and a request arrive in one packet.
  std::vector<std::string> client_behind(const std::string& bytes) {
    HttpClient client{bonedry_->address()};
    client.send(bytes);
    return client_as_seen(client);
  }
  /// Whether bonedry closes a connection that begins so, without a response.
  [[nodiscard]] bool hangs_up_on(const std::string& bytes) const {
    HttpClient client{bonedry_->address()};
    try {
      client.send(bytes);
      return client.closed_by_peer();
    } catch (const ConnectionReset&) {
      return true;
    }
  }
  /// Whether a client is refused because there are too many connections.
  [[nodiscard]] bool turned_away() const {
    try {
      HttpClient client{bonedry_->address()};
      client.send(kV1 + kRequest);
      return client.read_response().status == 503;
    } catch (const SocketError&) {
      return true;
    }
  }
  [[nodiscard]] bool logs(const std::string& words) const {
    return eventually([&] { return bonedry_->err().find(words) != std::string::npos; });
  }

  FakeNode alice_{"alice"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ProxyProtocolStory, worker_counts(), name_of_workers);

TEST_P(ProxyProtocolStory, TheClientIsTheOneThatIsAnnounced) {
  launch();
  EXPECT_THAT(client_behind(kV1 + kRequest), ElementsAre("192.0.2.1"));
  EXPECT_THAT(client_behind(kV2 + kRequest), ElementsAre("192.0.2.1"));
  EXPECT_THAT(client_behind("PROXY TCP6 2001:db8::7 2001:db8::8 1 2\r\n" + kRequest),
              ElementsAre("2001:db8::7"));
  EXPECT_TRUE(eventually([&] {
    const std::string log = bonedry_->out();
    return log.find(R"("client":"192.0.2.1")") != std::string::npos &&
           log.find(R"("client":"2001:db8::7")") != std::string::npos;
  })) << bonedry_->out();
}

TEST_P(ProxyProtocolStory, WithoutAnAnnouncementItIsThePeer) {
  launch();
  EXPECT_THAT(client_behind("PROXY UNKNOWN\r\n" + kRequest), ElementsAre("127.0.0.1"));
  EXPECT_THAT(client_behind(kV2LocalHeader + kRequest), ElementsAre("127.0.0.1"));
}

TEST_P(ProxyProtocolStory, TheHeaderMayComeInPieces) {
  launch();
  for (const std::string& header : {kV1, kV2}) {
    HttpClient alone{bonedry_->address()};
    alone.send(header);
    alone.send(kRequest);
    EXPECT_THAT(client_as_seen(alone), ElementsAre("192.0.2.1"));
    HttpClient trickling{bonedry_->address()};
    trickling.send_byte_by_byte(header + kRequest);
    EXPECT_THAT(client_as_seen(trickling), ElementsAre("192.0.2.1"));
  }
}

TEST_P(ProxyProtocolStory, ItHoldsForTheWholeConnection) {
  launch();
  HttpClient client{bonedry_->address()};
  client.send(kV1 + kRequest + kRequest);
  EXPECT_THAT(client_as_seen(client), ElementsAre("192.0.2.1"));
  EXPECT_THAT(client_as_seen(client), ElementsAre("192.0.2.1"));
  client.send(kRequest);
  EXPECT_THAT(client_as_seen(client), ElementsAre("192.0.2.1"));
  client.send(kV1 + kRequest);
  EXPECT_EQ(client.read_response().status, 400) << "once is enough";
}

TEST_P(ProxyProtocolStory, ABodyBehindItGoesOn) {
  launch();
  HttpClient client{bonedry_->address()};
  const std::string body(100'000, 'b');
  client.send(kV2 + Request{.method = "POST", .target = "/body", .body = body}.to_wire());
  const Response response = client.read_response("POST");
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(nlohmann::json::parse(response.body).at("size"), body.size());
}

TEST_P(ProxyProtocolStory, WithoutAHeaderNobodyIsServed) {
  launch();
  EXPECT_TRUE(hangs_up_on(kRequest));
  EXPECT_TRUE(logs("no PROXY header"));
  EXPECT_TRUE(hangs_up_on("\x16\x03\x01\x02"));
  EXPECT_TRUE(hangs_up_on("PROXY TCP4 192.0.2.1 198.51.100.7 056324 443\r\n" + kRequest));
  EXPECT_TRUE(hangs_up_on(kV2.substr(0, 12) + "\x31" + kV2.substr(13) + kRequest));
  EXPECT_EQ(alice_.requests(), 0U);
}

TEST_P(ProxyProtocolStory, FromAStrangerNoHeaderIsTaken) {
  launch("192.0.2.0/24");
  EXPECT_TRUE(hangs_up_on(kV1 + kRequest));
  EXPECT_TRUE(logs("proxy 127.0.0.1: connection closed: its address is not in trusted_proxies"));
  EXPECT_EQ(alice_.requests(), 0U);
}

TEST_P(ProxyProtocolStory, AReloadChangesWhoIsTrusted) {
  launch("192.0.2.0/24");
  EXPECT_TRUE(hangs_up_on(kV1 + kRequest));
  bonedry_->configure(config("127.0.0.0/8"));
  EXPECT_THAT(bonedry_->admin("reload"), Not(HasSubstr("error: ")));
  EXPECT_THAT(client_behind(kV1 + kRequest), ElementsAre("192.0.2.1"));
}

TEST_P(ProxyProtocolStory, AHeaderThatNeverEndsIsGivenUp) {
  launch("127.0.0.1", {"header = \"300ms\"", "shutdown = \"2s\""});
  const TestTime start = TestClock::now();
  EXPECT_TRUE(hangs_up_on(kV1.substr(0, 20)));
  EXPECT_GE(elapsed_since(start), Millis{300});
  EXPECT_TRUE(logs("no PROXY header within the time limit"));
  EXPECT_TRUE(hangs_up_on(kV1)) << "nor may the request stay away";
}

TEST_P(ProxyProtocolStory, AHeaderThatTricklesInIsGivenUpAllTheSame) {
  launch("127.0.0.1", {"header = \"300ms\"", "shutdown = \"2s\""});
  HttpClient client{bonedry_->address()};
  client.send(kV2.substr(0, 12) + "\x20\0\x0f\xf0"s);
  const bool given_up = eventually(
      [&] {
        try {
          client.send("x");
          return client.socket().wait_readable(Millis{0});
        } catch (const ConnectionReset&) {
          return true;
        }
      },
      kDeadline, Millis{20});
  EXPECT_TRUE(given_up) << "each byte must not buy more time";
}

TEST_P(ProxyProtocolStory, TheRequestHasOnlyTheTimeThatTheHeaderLeft) {
  launch("127.0.0.1", {"header = \"5s\""});
  HttpClient client{bonedry_->address()};
  const TestTime start = TestClock::now();
  client.send(kV1.substr(0, 20));
  EXPECT_FALSE(client.socket().wait_readable(Millis{4000}));
  client.send(kV1.substr(20) + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_GE(elapsed_since(start), Millis{5000});
  EXPECT_LT(elapsed_since(start), Millis{8500}) << "the time does not start afresh";
}

TEST_P(ProxyProtocolStory, AResetWithinTheHeaderGivesTheConnectionsPlaceBack) {
  TestConfig narrow = config("127.0.0.1", {"header = \"1h\""});
  narrow.limits = {"connections = 1"};
  bonedry_ = std::make_unique<BonedryProcess>(narrow);
  std::optional<HttpClient> client;
  ASSERT_TRUE(eventually([&] {  // another worker may accept the other client first
    client.emplace(bonedry_->address());
    client->send(kV1.substr(0, 10));
    return turned_away() && !client->socket().wait_readable(Millis{0});
  }));
  // So that the reset and the bytes before it are seen at once.
  bonedry_->pause();
  client->send(kV1.substr(10, 10));
  client->socket().reset();
  bonedry_->resume();
  EXPECT_TRUE(eventually([&] { return !turned_away(); }));
}

TEST_P(ProxyProtocolStory, AConnectionThatWaitsForItsHeaderDoesNotHoldUpAStop) {
  launch();
  HttpClient client{bonedry_->address()};
  client.send(kV1.substr(0, 20));
  HttpClient served{bonedry_->address()};
  served.send(kV1 + kRequest);
  EXPECT_THAT(client_as_seen(served), ElementsAre("192.0.2.1"));
  bonedry_->stop();
  EXPECT_THAT(bonedry_->err(), HasSubstr("no requests are open"));
}

}  // namespace
}  // namespace bonedry::test
