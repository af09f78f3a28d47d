// Failures of nodes that speak HTTP/2, or do not, and of their clients: what was cut never looks
// whole, and nothing that happens to one stream reaches the others of its connection.
#include "tests/scenario/http2_node_story.h"
#include "tests/support/certificates.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class Http2NodeFailureStory : public Http2NodeStory {
 protected:
  void launch_impatient() {
    TestConfig config = shop(workers(), {at(alice_)});
    config.timeouts = {"connect = \"500ms\"", "response = \"500ms\"", "stall = \"500ms\"",
                       "shutdown = \"2s\""};
    launch(config);
  }
  /// A request whose response is cut must look so; the next one is served.
  void expect_cut(const std::string& target, const std::string& body) const {
    for (const User::Protocol protocol : kBothProtocols) {
      const Response response = ask(protocol, {.target = target});
      EXPECT_EQ(response.status, 200) << target;
      EXPECT_EQ(response.body, body) << target;
      EXPECT_FALSE(response.complete()) << target;
      EXPECT_EQ(ask(protocol, {.target = "/next"}).status, 200) << target;
    }
  }
  [[nodiscard]] bool eventually_reset(const std::string& path, const std::string& code) const {
    return eventually([&] { return alice_.last(path).reset == code; });
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2NodeFailureStory, worker_counts(), name_of_workers);

/// Of the stream, by the proxy, or of its connection.
void waiting_for_the_end(Http2NodeExchange& exchange) {
  (void)exchange.wait_for_reset(kDeadline * 2);
}

Http2Handler sending_then(const Headers& head, const std::string& body,
                          const std::function<void(Http2NodeExchange&)>& last) {
  return [head, body, last](Http2NodeExchange& exchange) {
    exchange.send_head(200, head);
    exchange.send_data(body);
    last(exchange);
  };
}

TEST_P(Http2NodeFailureStory, AResponseThatIsResetIsNeverWhole) {
  const auto reset = [](Http2NodeExchange& exchange) { exchange.reset("INTERNAL_ERROR"); };
  const auto cancel = [](Http2NodeExchange& exchange) { exchange.reset("NO_ERROR"); };
  alice_.on("/length", sending_then({{"Content-Length", "8"}}, "half", reset));
  alice_.on("/stream", sending_then({}, "half", reset));
  alice_.on("/no-error", sending_then({}, "half", cancel));
  launch_alice();
  for (const std::string target : {"/length", "/stream", "/no-error"}) expect_cut(target, "half");
  EXPECT_EQ(alice_.connections(), 1U) << "the connection goes on";
  EXPECT_TRUE(eventually_logged("\"end\":\"response_cut\"")) << bonedry_->out();
}

TEST_P(Http2NodeFailureStory, NorIsOneWhoseConnectionCloses) {
  const auto close = [](Http2NodeExchange& exchange) { exchange.close_connection(); };
  alice_.on("/length", sending_then({{"Content-Length", "8"}}, "half", close));
  alice_.on("/stream", sending_then({}, "half", close));
  launch_alice();
  for (const std::string target : {"/length", "/stream"}) expect_cut(target, "half");
}

TEST_P(Http2NodeFailureStory, NorIsOneOfAnotherLengthThanAnnounced) {
  const auto end = [](Http2NodeExchange& exchange) { exchange.end(); };
  alice_.on("/short", sending_then({{"Content-Length", "8"}}, "half", end));
  alice_.on("/long", sending_then({{"Content-Length", "2"}}, "half", end));
  launch_alice();
  expect_cut("/short", "half");
  for (const User::Protocol protocol : kBothProtocols) {
    const Response response = ask(protocol, {.target = "/long"});
    EXPECT_TRUE(response.status == 502 || !response.complete()) << response.status;
    EXPECT_EQ(ask(protocol, {.target = "/next"}).status, 200);
  }
}

TEST_P(Http2NodeFailureStory, BeforeTheHeadItIsA502) {
  alice_.on("/reset", [](Http2NodeExchange& exchange) { exchange.reset("INTERNAL_ERROR"); });
  alice_.on("/close", [](Http2NodeExchange& exchange) { exchange.close_connection(); });
  alice_.on("/hinted", [](Http2NodeExchange& exchange) {
    exchange.send_interim(103, {{"Link", "</a>"}});
    exchange.reset("INTERNAL_ERROR");
  });
  launch_alice();
  for (const User::Protocol protocol : kBothProtocols) {
    for (const std::string target : {"/reset", "/close", "/hinted"}) {
      const std::size_t before = alice_.requests_for(target);
      const Response response =
          ask(protocol, {.method = "POST", .target = target, .body = "an order"});
      EXPECT_EQ(response.status, 502) << target;
      EXPECT_TRUE(response.complete()) << target;
      EXPECT_EQ(alice_.requests_for(target), before + 1) << "never sent twice";
    }
  }
  EXPECT_GT(counted("failures", alice_), 0);
}

TEST_P(Http2NodeFailureStory, OthersOnTheConnectionGoOn) {
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  alice_.on("/reset", [](Http2NodeExchange& exchange) { exchange.reset("INTERNAL_ERROR"); });
  alice_.on("/short", sending_then({{"Content-Length", "8"}}, "half",
                                   [](Http2NodeExchange& exchange) { exchange.end(); }));
  launch_alice();
  Http2Client client{address()};
  const StreamId slow = client.begin({.target = "/slow"});
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  EXPECT_EQ(client.exchange({.method = "POST", .target = "/reset"}, kDeadline).status, 502);
  EXPECT_FALSE(client.get("/short").complete());
  gate.open();
  EXPECT_EQ(client.wait(slow).body, "at last");
  EXPECT_EQ(alice_.last("/slow").connection, alice_.last("/reset").connection);
}

TEST_P(Http2NodeFailureStory, ANodeThatDiesCutsWhatIsInFlight) {
  alice_.on("/wait", waiting_for_the_end);
  alice_.on("/half", sending_then({}, "half", waiting_for_the_end));
  launch_alice();
  Http2Client client{address()};
  const StreamId waiting = client.begin({.method = "POST", .target = "/wait"});
  const StreamId reading = client.begin({.target = "/half"});
  HttpClient old{address()};
  old.send(Request{.method = "POST", .target = "/wait"}.to_wire());
  EXPECT_EQ(client.receive(reading, 4), "half");
  ASSERT_TRUE(alice_.wait_for("/wait", 2));
  alice_.die();
  EXPECT_EQ(client.wait(waiting).status, 502);
  EXPECT_FALSE(client.wait(reading).complete());
  EXPECT_EQ(old.read_response("POST").status, 502);
  EXPECT_THAT(client.get("/").status, AnyOf(502, 503));
  alice_.start();
  EXPECT_TRUE(eventually([&] { return client.get("/").status == 200; }));
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2NodeFailureStory, UsersOfADeadNodeAreServedByAnother) {
  launch(both());
  std::vector<User> users;
  for (int i = 0; i < 10; ++i) {
    users.emplace_back(address(), kBothProtocols.at(static_cast<std::size_t>(i % 2))).click();
    users.back().click();
  }
  alice_.die();
  for (User& user : users) {
    const bool was_on_alice = user.node() == "alice";
    EXPECT_EQ(user.click().status, 200) << was_on_alice;
    EXPECT_EQ(user.node(), "bob");
  }
}

TEST_P(Http2NodeFailureStory, ANodeThatNeverAnswersMakesA504AndItsStreamIsReset) {
  alice_.on("/never", waiting_for_the_end);
  launch_impatient();
  for (const User::Protocol protocol : kBothProtocols) {
    EXPECT_EQ(ask(protocol, {.target = "/never"}).status, 504);
    EXPECT_TRUE(eventually_reset("/never", "CANCEL"));
    EXPECT_EQ(ask(protocol, {.target = "/"}).status, 200);
  }
  EXPECT_EQ(alice_.connections(), 1U);
}

TEST_P(Http2NodeFailureStory, ABodyThatStallsAtItsNodeEndsItsStreamOnly) {
  alice_.on("/half", sending_then({}, "half", waiting_for_the_end));
  launch_impatient();
  expect_cut("/half", "half");
  EXPECT_EQ(alice_.connections(), 1U);
}

TEST_P(Http2NodeFailureStory, AClientThatLeavesResetsItsStreamAndTheConnectionStays) {
  alice_.on("/wait", waiting_for_the_end);
  alice_.on("/half", sending_then({}, "half", waiting_for_the_end));
  launch_alice();
  for (const std::string target : {"/wait", "/half"}) {
    Http2Client client{address()};
    std::size_t before = alice_.requests_for(target);
    const StreamId id = client.begin({.target = target});
    ASSERT_TRUE(alice_.wait_for(target, ++before));
    if (target == "/half") {
      EXPECT_EQ(client.receive(id, 4), "half");
    }
    client.reset(id);
    EXPECT_TRUE(eventually_reset(target, "CANCEL")) << target;
    EXPECT_EQ(client.get("/next").status, 200);

    HttpClient old{address()};
    old.send(Request{.target = target}.to_wire());
    ASSERT_TRUE(alice_.wait_for(target, ++before));
    if (target == "/half") {
      EXPECT_EQ(old.read_head().status, 200);
    }
    old.socket().reset();
    EXPECT_TRUE(eventually_reset(target, "CANCEL")) << target;
  }
  EXPECT_EQ(alice_.connections(), 1U);
  EXPECT_TRUE(eventually_idle());
  EXPECT_EQ(counted("failures", alice_), 0) << "it is not the node's doing";
}

TEST_P(Http2NodeFailureStory, AnUploadThatItsClientCutsIsResetAtTheNode) {
  alice_.on("/up", waiting_for_the_end);
  launch_alice();
  Http2Client client{address()};
  const StreamId id = client.begin_upload({.method = "POST", .target = "/up"});
  client.send_data(id, "half");
  ASSERT_TRUE(alice_.wait_for("/up", 1));
  client.reset(id);
  EXPECT_TRUE(eventually_reset("/up", "CANCEL"));
  EXPECT_EQ(alice_.last("/up").body.end, BodyEnd::aborted) << "and never looks whole";
  HttpClient old{address()};
  old.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf");
  ASSERT_TRUE(alice_.wait_for("/up", 2));
  old.socket().reset();
  EXPECT_TRUE(eventually_reset("/up", "CANCEL"));
  EXPECT_EQ(alice_.last("/up").body.end, BodyEnd::aborted);
  EXPECT_EQ(ask(User::Protocol::http1, {.target = "/"}).status, 200);
  EXPECT_EQ(alice_.connections(), 1U);
}

TEST_P(Http2NodeFailureStory, AnUploadThatIsCancelledAtOnceNeverLooksWhole) {
  launch_alice();
  Http2Client client{address()};
  EXPECT_EQ(client.get("/").status, 200);
  bonedry_->pause();  // so that it sees everything at once
  for (int i = 0; i < 20; ++i) {
    const StreamId id = client.begin_upload({.method = "POST", .target = "/up"});
    client.offer_data(id, "an order");
    client.end(id);
    client.reset(id);
  }
  bonedry_->resume();
  EXPECT_EQ(client.get("/next").status, 200);
  EXPECT_TRUE(eventually_idle());
  for (const Http2NodeRequest& seen : alice_.seen()) {
    if (seen.path() != "/up" || seen.body.end != BodyEnd::stream) continue;
    ASSERT_EQ(seen.body.text, "an order") << "stream " << seen.stream << ", then " << seen.reset;
  }
}

TEST_P(Http2NodeFailureStory, AClientThatDoesNotReadHoldsUpOnlyItsStream) {
  constexpr std::uint64_t kSize = 8 << 20;
  alice_.on("/big", sending_pattern(6, kSize, {}));
  launch_alice();
  Http2Client lazy{address()};
  const StreamId big = lazy.begin({.target = "/big"});
  EXPECT_EQ(lazy.read_head(big).status, 200);
  HttpClient old{address()};
  old.socket().limit_receive_buffer(65536);
  old.send(Request{.target = "/big"}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/big", 2));
  for (int i = 0; i < 50; ++i) {
    for (const User::Protocol protocol : kBothProtocols) {
      ASSERT_EQ(
          ask(protocol, {.method = "POST", .target = "/", .body = std::string(10'000, 'x')}).status,
          200);
    }
  }
  EXPECT_EQ(alice_.connections(), 1U);
  EXPECT_TRUE(reads_pattern(lazy, big, 6, kSize));
  Sha256 digest;
  const Response response = old.read_response_into(
      [&](std::string_view piece) { digest.update(piece); }, "GET", kDeadline * 4);
  EXPECT_EQ(digest.hex(), PatternBody::checksum(6, kSize));
  EXPECT_TRUE(response.complete());
}

TEST_P(Http2NodeFailureStory, ANodeThatDoesNotReadAnUploadHoldsUpOnlyItsStream) {
  const Gate gate;
  alice_.on("/up", [gate](Http2NodeExchange& exchange) {
    (void)gate.wait(kDeadline * 2);
    answer_plainly_http2(exchange);
  });
  launch_alice();
  const std::string body = std::string(1 << 20, 'a') + std::string(1 << 20, 'b');
  Http2Client client{address()};
  const StreamId id = client.begin_upload({.method = "POST", .target = "/up"});
  client.offer_data(id, body);
  auto old = std::async(std::launch::async, [&] {
    return ask(User::Protocol::http1, {.method = "POST", .target = "/up", .body = body});
  });
  ASSERT_TRUE(alice_.wait_for("/up", 2));
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(
        client.exchange({.method = "POST", .body = std::string(10'000, 'x')}, kDeadline).status,
        200);
  }
  EXPECT_GT(client.unsent(id), 1'000'000U) << "the proxy does not keep it";
  EXPECT_EQ(alice_.connections(), 1U);
  gate.open();
  client.end(id);
  for (const Response& response : {client.wait(id, kDeadline * 2), old.get()}) {
    EXPECT_EQ(response.status, 200);
    EXPECT_THAT(response.body, HasSubstr(sha256(body)));
  }
}

TEST_P(Http2NodeFailureStory, ANodeThatDoesNotSpeakHttp2MakesA502AndALineInTheLog) {
  FakeNode old_alice{"alice"};
  launch(shop(workers(), {TestNode{old_alice}}));
  for (const User::Protocol protocol : kBothProtocols) {
    const Response response = ask(protocol, {.method = "POST", .target = "/", .body = "an order"});
    EXPECT_THAT(response.status, AnyOf(502, 503));
    EXPECT_TRUE(response.complete());
  }
  EXPECT_TRUE(bonedry_->says("node shop/alice (" + old_alice.address() + "): ")) << bonedry_->err();
  EXPECT_THAT(bonedry_->err(), AnyOf(HasSubstr("it does not speak HTTP/2"),
                                     HasSubstr("the node does not choose h2 (ALPN)")));
}

/// Does by chance what a node may do. `luck` is different for each request.
void answer_by_chance(Http2NodeExchange& exchange, unsigned luck) {
  const std::string body = exchange.read_body().text;
  switch (luck % 16) {
    case 0:
      return exchange.reset("REFUSED_STREAM");
    case 1:
      return exchange.reset("INTERNAL_ERROR");
    case 2:
      return exchange.goaway(std::max(0, exchange.request().stream - 2));
    case 3:
      exchange.send_head(200, {{"X-Body", body}});
      exchange.send_data(body + "!");
      return exchange.reset("CANCEL");
    case 4:
      if (luck % 5 == 0) return exchange.close_connection();
      break;
    default:
      break;
  }
  exchange.respond(200, std::string(luck % 40'000, 'x') + body, {{"X-Body", body}});
}

/// 1,600 requests of four clients, through a node that does everything at some time; and clients
/// that leave. What looks whole must be what was asked for.
TEST_P(Http2NodeFailureStory, NothingIsMixedUpWhateverHappens) {
  const auto number = std::make_shared<std::atomic<unsigned>>(0);
  alice_.on("/chance", [number](Http2NodeExchange& exchange) {
    answer_by_chance(exchange, ++*number * 2'654'435'761U >> 8U);
  });
  launch_alice({"retry_percent = 100"});
  const auto client_of = [this](int name) {
    int whole = 0;
    Http2Client client{address()};
    for (int round = 0; round < 20; ++round) {
      std::vector<std::pair<StreamId, std::string>> open;
      for (int i = 0; i < 20; ++i) {
        const std::string body = std::to_string(name) + "-" + std::to_string(round * 20 + i);
        open.emplace_back(client.begin({.method = "POST", .target = "/chance", .body = body}),
                          body);
      }
      client.reset(open.back().first);
      open.pop_back();
      for (const auto& [id, body] : open) {
        const Response response = client.wait(id);
        if (response.status != 200 || !response.complete()) continue;
        ++whole;
        EXPECT_EQ(response.headers.get("X-Body"), body);
        EXPECT_TRUE(response.body.ends_with(body)) << body;
      }
    }
    return whole;
  };
  std::vector<std::future<int>> clients;
  for (int name = 0; name < 4; ++name) {
    clients.push_back(std::async(std::launch::async, client_of, name));
  }
  for (auto& client : clients) EXPECT_GT(client.get(), 200) << "most are served";
  EXPECT_TRUE(eventually_idle());
  EXPECT_EQ(ask(User::Protocol::http1, {.target = "/"}).status, 200);
}

/// By ALPN, whatever the stories are told with.
class Http2NodeAlpnStory : public Http2NodeStory {
 protected:
  void launch_with_alpn(std::vector<std::string> alpn) {
    const CertificateAuthority authority;
    const IssuedCertificate issued = authority.issue();
    write_file(files_ / "ca.pem", authority.certificate());
    alice_.configure(
        {.tls = TlsServer{
             .certificate = issued.certificate, .key = issued.key, .alpn = std::move(alpn)}});
    launch_alice(
        {"tls = { ca = \"" + (files_ / "ca.pem") + "\", server_name = \"shop.example\" }"});
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2NodeAlpnStory, worker_counts(), name_of_workers);

TEST_P(Http2NodeAlpnStory, TheNodeChoosesHttp2) {
  launch_with_alpn({"h2"});
  for (const User::Protocol protocol : kBothProtocols) {
    EXPECT_EQ(ask(protocol, {.method = "POST", .body = std::string(500'000, 'x')}).status, 200);
  }
  ASSERT_EQ(alice_.handshakes().size(), 1U);
  EXPECT_EQ(alice_.handshakes()[0].alpn, "h2");
  EXPECT_EQ(alice_.handshakes()[0].server_name, "shop.example");
  EXPECT_EQ(alice_.last("/").pseudo.get(":scheme"), "https");
}

TEST_P(Http2NodeAlpnStory, ANodeThatChoosesNothingIsSentNothing) {
  launch_with_alpn({});
  for (const User::Protocol protocol : kBothProtocols) {
    EXPECT_THAT(ask(protocol, {.target = "/"}).status, AnyOf(502, 503));
  }
  EXPECT_TRUE(bonedry_->says("node shop/alice (" + alice_.address() +
                             "): the node does not choose h2 (ALPN)"))
      << bonedry_->err();
  EXPECT_GT(counted("connect_failures", alice_), 0);
  EXPECT_EQ(alice_.requests(), 0U);
}

TEST_P(Http2NodeAlpnStory, ANodeThatKnowsOnlyHttp1IsAFailedConnect) {
  launch_with_alpn({"http/1.1"});
  EXPECT_THAT(ask(User::Protocol::http2, {.target = "/"}).status, AnyOf(502, 503));
  EXPECT_GT(counted("connect_failures", alice_), 0);
  EXPECT_EQ(alice_.requests(), 0U);
}

}  // namespace
}  // namespace bonedry::test
