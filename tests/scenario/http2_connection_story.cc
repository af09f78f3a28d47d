// Connections of HTTP/2: how they begin, how long they live, and how they end without the loss of a
// stream.
#include "tests/scenario/http2_story.h"

#include <csignal>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;
using testing::StartsWith;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kEmptySettings{"\0\0\0\4\0\0\0\0\0", 9};

class Http2ConnectionStory : public Http2Story {
 protected:
  void launch_with_timeouts(std::vector<std::string> timeouts) {
    TestConfig config = shop(workers(), {alice_});
    config.timeouts = std::move(timeouts);
    launch_http2(config);
  }
  [[nodiscard]] static bool refuses(const std::string& address) {
    return eventually([&] {
      try {
        (void)Socket::connect_tcp(address);
        return false;
      } catch (const ConnectionRefused&) {
        return true;
      }
    });
  }
  void send_signal(int signal) const { ASSERT_EQ(::kill(bonedry_->pid(), signal), 0); }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2ConnectionStory, worker_counts(), name_of_workers);

// How they begin.

TEST_P(Http2ConnectionStory, Http11IsServedOnTheSameListener) {
  launch_alice();
  HttpClient client{address()};
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "PURGE", "PROPFIND"}) {
    EXPECT_EQ(client.exchange({.method = method, .target = "/page"}).status, 200) << method;
    EXPECT_EQ(alice_.last("/page").method, method);
    EXPECT_EQ(HttpClient{address()}.exchange({.method = method}).status, 200)
        << method << ", the first on its connection";
  }
  EXPECT_EQ(Http2Client{address()}.get("/").status, 200);
}

TEST_P(Http2ConnectionStory, BothPrefaceAndRequestMayComeOneByteAtATime) {
  launch_alice();
  HttpClient old_client{address()};
  old_client.send_byte_by_byte(Request{.method = "PROPFIND", .target = "/page"}.to_wire());
  EXPECT_EQ(old_client.read_response().status, 200);
  Socket client = Socket::connect_tcp(address());
  if (auto tls = story_client_tls()) {
    tls->alpn = {"h2"};
    client.start_tls(*tls);
  }
  for (const char byte : std::string{kPreface} + std::string{kEmptySettings}) {
    client.send_all({&byte, 1});
  }
  char head[9] = {};
  for (std::size_t got = 0; got < sizeof head;) {
    const std::size_t more = client.receive(head + got, sizeof head - got);
    ASSERT_NE(more, 0U);
    got += more;
  }
  EXPECT_EQ(head[3], 4) << "the first frame is a SETTINGS";
}

TEST_P(Http2ConnectionStory, APrefaceThatIsNotMeantIsRefusedAsABadRequest) {
  launch(shop(workers(), {alice_}));  // HTTP/1.1 alone
  Socket client = connect_story_client(address());
  client.send_all(std::string{kPreface} + std::string{kEmptySettings});
  std::string answer;
  try {
    answer = client.receive_all();
  } catch (const ConnectionReset&) {
    // As good as a close.
  }
  EXPECT_THAT(answer, AnyOf("", StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 505 ")));
  EXPECT_EQ(alice_.requests(), 0U);
}

TEST_P(Http2ConnectionStory, APrefaceThatBreaksOffIsNotServed) {
  launch_alice();
  for (const std::string broken :
       {"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "PRI * HTTP/2.0\r\nA: b\r\n\r\n",
        "PRI / HTTP/1.1\r\nHost: x\r\n"}) {
    Socket client = connect_story_client(address());
    client.send_all(broken);
    client.finish_sending();
    std::string answer;
    try {
      answer = client.receive_all();
    } catch (const ConnectionReset&) {
      // As good as a close.
    }
    EXPECT_THAT(answer, testing::Not(testing::HasSubstr(" 200 "))) << broken;
  }
  EXPECT_EQ(alice_.requests(), 0U);
  EXPECT_EQ(Http2Client{address()}.get("/").status, 200);
}

TEST_P(Http2ConnectionStory, AnUpgradeToH2cIsNotHonoured) {
  launch_alice();
  HttpClient client{address()};
  const Response response = client.get("/page", {{"Connection", "Upgrade, HTTP2-Settings"},
                                                 {"Upgrade", "h2c"},
                                                 {"HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.version, "HTTP/1.1");
  EXPECT_FALSE(alice_.last("/page").headers.has("Upgrade"));
  EXPECT_FALSE(alice_.last("/page").headers.has("HTTP2-Settings"));
}

TEST_P(Http2ConnectionStory, WithTlsTheProtocolIsChosenByAlpn) {
  auto tls = story_client_tls();
  if (!tls) GTEST_SKIP() << "told with TLS";
  launch_alice();
  tls->alpn = {"http/1.1"};
  EXPECT_EQ((HttpClient{address(), tls}).get("/").version, "HTTP/1.1");
  tls->alpn = {};
  EXPECT_EQ((HttpClient{address(), tls}).get("/").version, "HTTP/1.1");
  tls->alpn = {"http/1.1", "h2"};
  EXPECT_EQ((Http2Client{address(), tls}).get("/").version, "HTTP/2") << "our order counts";
  EXPECT_TRUE(eventually_logged(R"("alpn":"h2")"));
  TestConfig old_shop = shop(workers(), {alice_});
  old_shop.pools[0].alpn = {"http/1.1"};
  launch(old_shop);
  tls->alpn = {"h2", "http/1.1"};
  HttpClient old_client{address(), tls};
  EXPECT_EQ(old_client.socket().alpn(), "http/1.1") << "which is all that is configured";
  EXPECT_EQ(old_client.get("/").status, 200);
}

TEST_P(Http2ConnectionStory, ARequestForAHostThatTheCertificateLacksIsMisdirected) {
  if (!story_client_tls()) GTEST_SKIP() << "told with TLS";
  launch_alice();
  Http2Client client{address()};
  EXPECT_EQ(client.get("/page", {{"Host", "other.example"}}).status, 421);
  EXPECT_EQ(alice_.requests(), 0U);
  EXPECT_EQ(client.get("/page", {{"Host", "shop.example"}}).status, 200) << "it goes on";
}

// How they end.

TEST_P(Http2ConnectionStory, AnIdleOneIsClosed) {
  launch_with_timeouts({"idle = \"400ms\"", "header = \"400ms\"", "shutdown = \"2s\""});
  Http2Client silent{address()};
  const TestTime before = TestClock::now();
  Http2Client client{address()};
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(client.goaway().code, "NO_ERROR");
  EXPECT_TRUE(client.closed_by_peer());
  EXPECT_GE(elapsed_since(before), Millis{300});
  EXPECT_TRUE(silent.closed_by_peer()) << "which never sent a request";
}

TEST_P(Http2ConnectionStory, PingsDoNotKeepAnIdleOneOpen) {
  launch_with_timeouts({"idle = \"400ms\"", "shutdown = \"2s\""});
  Http2Client client{address()};
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_TRUE(eventually([&] {
    try {
      client.ping();
      return !client.usable();
    } catch (const UnexpectedEnd&) {
      return true;
    }
  }));
}

TEST_P(Http2ConnectionStory, OneWithAnOpenStreamIsNotIdle) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_with_timeouts({"idle = \"400ms\"", "header = \"400ms\"", "shutdown = \"2s\""});
  Http2Client client{address()};
  const StreamId slow = client.begin({.target = "/slow"});
  EXPECT_FALSE(client.closed_by_peer(Millis{1000})) << "2.5 times the idle time-out";
  gate.open();
  EXPECT_EQ(client.wait(slow).body, "at last");
}

TEST_P(Http2ConnectionStory, AfterItsLastRequestANewOneIsNeeded) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  TestConfig config = shop(workers(), {alice_});
  config.limits = {"requests_per_connection = 10"};
  launch_http2(config);
  Http2Client client{address()};
  const StreamId slow = client.begin({.target = "/slow"});
  for (int i = 2; i <= 10; ++i) ASSERT_EQ(client.get("/").status, 200) << "request " << i;
  const Goaway seen = client.goaway();
  EXPECT_EQ(seen.code, "NO_ERROR");
  EXPECT_TRUE(alice_.wait_for("/slow", 1));
  EXPECT_EQ(alice_.requests(), 10U);
  gate.open();
  EXPECT_EQ(client.wait(slow).body, "at last") << "an open stream ends first";
  EXPECT_TRUE(client.closed_by_peer());
  EXPECT_EQ(Http2Client{address()}.get("/").status, 200);
}

TEST_P(Http2ConnectionStory, UsersOfALimitedConnectionNoticeNothing) {
  TestConfig config = shop(workers(), {alice_});
  config.limits = {"requests_per_connection = 3"};
  launch_http2(config);
  User user{address(), User::Protocol::http2};
  user.click();
  for (int i = 0; i < 20; ++i) {
    const Response response = user.click();
    ASSERT_EQ(response.status, 200) << "click " << i;
    ASSERT_FALSE(response.headers.has("Set-Cookie"));
  }
  EXPECT_EQ(node(alice_).live, 1);
}

TEST_P(Http2ConnectionStory, WhenTheProxyIsToldToEndOpenStreamsFinish) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_with_timeouts({"shutdown = \"1m\""});
  const std::string where = address();
  Http2Client busy{where};
  Http2Client idle{where};
  EXPECT_EQ(idle.get("/").status, 200);
  const StreamId slow = busy.begin({.target = "/slow"});
  const StreamId upload = busy.begin_upload({.method = "POST", .target = "/up"});
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  ASSERT_TRUE(alice_.wait_for("/up", 1));
  send_signal(SIGTERM);
  EXPECT_EQ(idle.goaway().code, "NO_ERROR");
  EXPECT_TRUE(idle.closed_by_peer());
  EXPECT_EQ(busy.goaway().code, "NO_ERROR");
  EXPECT_TRUE(refuses(where)) << "nobody new is let in";
  EXPECT_TRUE(bonedry_->running());
  busy.send_data(upload, "Hello world");
  busy.end(upload);
  EXPECT_EQ(nlohmann::json::parse(busy.wait(upload).body).at("sha256"), sha256("Hello world"));
  gate.open();
  EXPECT_EQ(busy.wait(slow).body, "at last");
  EXPECT_TRUE(busy.closed_by_peer());
  EXPECT_TRUE(eventually([this] { return !bonedry_->running(); }));
  bonedry_->stop();  // this checks the exit code
}

TEST_P(Http2ConnectionStory, TheEndWaitsForStreamsOnlySoLong) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  launch_with_timeouts({"shutdown = \"300ms\""});
  Http2Client client{address()};
  const StreamId slow = client.begin({.target = "/slow"});
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  bonedry_->stop();
  EXPECT_NE(client.wait(slow).status, 200);
  EXPECT_TRUE(client.closed_by_peer());
  gate.open();
}

TEST_P(Http2ConnectionStory, ABinaryUpgradeLosesNoStream) {
  const Gate gate;
  for (FakeNode* each : {&alice_, &bob_}) each->on("/slow", answering_at(gate));
  launch_http2(config());
  Http2Client old_client{address()};
  Http2Client idle{address()};
  EXPECT_EQ(idle.get("/").status, 200);
  const std::string cookie = "bonedry=" + set_cookie_value(old_client.get("/")).value_or("none");
  const StreamId slow = old_client.begin({.target = "/slow", .headers = {{"Cookie", cookie}}});
  EXPECT_TRUE(eventually([this] { return open_exchanges() == 1; }));
  bonedry_->upgrade();
  EXPECT_EQ(old_client.goaway().code, "NO_ERROR");
  EXPECT_EQ(idle.goaway().code, "NO_ERROR");
  EXPECT_EQ(open_exchanges(), 1) << "both processes are counted";
  EXPECT_FALSE(bonedry_->predecessor_ends(Millis{0})) << "a stream is open in it";
  User next{address(), User::Protocol::http2};
  EXPECT_EQ(next.click().status, 200) << "in the new process";
  gate.open();
  const Response last = old_client.wait(slow);
  EXPECT_EQ(last.body, "at last");
  EXPECT_FALSE(last.headers.has("Set-Cookie"));
  EXPECT_TRUE(old_client.closed_by_peer());
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2ConnectionStory, UsersNoticeNothingOfManyUpgrades) {
  launch_http2(config());
  std::vector<User> users;
  for (int i = 0; i < 20; ++i) users.emplace_back(address(), User::Protocol::http2);
  std::vector<std::string> nodes;
  for (User& user : users) {
    user.click();
    nodes.push_back(user.node());
  }
  for (int round = 0; round < 3; ++round) {
    bonedry_->upgrade();
    for (int click = 0; click < 2; ++click) {
      for (std::size_t i = 0; i < users.size(); ++i) {
        const Response response = users[i].click();
        ASSERT_EQ(response.status, 200);
        ASSERT_EQ(users[i].node(), nodes[i]);
        ASSERT_FALSE(response.headers.has("Set-Cookie"));
      }
    }
    for (User& user : users) user.disconnect();
    EXPECT_TRUE(bonedry_->predecessor_ends());
  }
  EXPECT_EQ(node(alice_).live + node(bob_).live, 20);
}

}  // namespace
}  // namespace bonedry::test
