// gRPC from end to end: what it needs of HTTP/2 passes, call by call. The framing of gRPC is done
// by hand.
#include "tests/scenario/grpc_message.h"
#include "tests/scenario/http2_node_story.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::StartsWith;

const Headers kGrpcHead{{"Content-Type", "application/grpc"}};

Headers grpc_status(int status, const std::string& message = "") {
  Headers trailers{{"grpc-status", std::to_string(status)}};
  if (!message.empty()) trailers.add("grpc-message", message);
  return trailers;
}

/// How a call ended.
struct GrpcEnd {
  std::string status;  ///< "" when none came
  std::string message;
  bool is_whole = false;
  std::string reset;
};

/// One call of a client.
class GrpcCall {
 public:
  GrpcCall(Http2Client& client, const std::string& method, const Headers& metadata = {})
      : client_(client), id_(client.begin_upload(head(method, metadata))) {}

  void send(std::string_view message) { client_.send_data(id_, grpc_message(message)); }
  void finish_sending() { client_.end(id_); }
  void cancel() { client_.reset(id_); }
  /// The next message; nothing at the end.
  [[nodiscard]] std::optional<std::string> read() {
    const std::string prefix = client_.receive(id_, kGrpcPrefix);
    if (prefix.size() < kGrpcPrefix) return std::nullopt;
    return client_.receive(id_, grpc_length(prefix), kDeadline * 2);
  }
  [[nodiscard]] Headers read_head() { return client_.read_head(id_).headers; }
  /// A status may be in the head, if nothing but it came, or in the trailers.
  [[nodiscard]] GrpcEnd end() {
    const Response response = client_.wait(id_);
    const Headers& last =
        response.headers.has("grpc-status") ? response.headers : response.trailers;
    return {last.get("grpc-status"), last.get("grpc-message"), response.complete(), response.reset};
  }

 private:
  static Request head(const std::string& method, const Headers& metadata) {
    Headers fields{{"Content-Type", "application/grpc"}, {"TE", "trailers"}};
    for (const auto& [name, value] : metadata) fields.add(name, value);
    return {.method = "POST", .target = "/shop.Cart/" + method, .headers = fields};
  }

  Http2Client& client_;
  const StreamId id_;
};

/// The next message that a handler gets; nothing at the end of the request.
std::optional<std::string> next_message(Http2NodeExchange& exchange) {
  const std::string prefix = exchange.receive(kGrpcPrefix);
  if (prefix.size() < kGrpcPrefix) return std::nullopt;
  return exchange.receive(grpc_length(prefix), kDeadline * 2);
}

// The methods of the service.

void echo(Http2NodeExchange& exchange) {
  const std::optional<std::string> message = next_message(exchange);
  exchange.respond(200, grpc_message(message.value_or("none")), kGrpcHead, grpc_status(0));
}

void total(Http2NodeExchange& exchange) {
  std::size_t messages = 0;
  std::size_t bytes = 0;
  while (const auto message = next_message(exchange)) {
    ++messages;
    bytes += message->size();
  }
  exchange.respond(200, grpc_message(std::to_string(messages) + " " + std::to_string(bytes)),
                   kGrpcHead, grpc_status(0));
}

void count_to(Http2NodeExchange& exchange) {
  const int last = std::stoi(next_message(exchange).value());
  exchange.send_head(200, kGrpcHead);
  for (int i = 1; i <= last; ++i) exchange.send_data(grpc_message(std::to_string(i)));
  exchange.end(grpc_status(0));
}

void chat(Http2NodeExchange& exchange) {
  exchange.send_head(200, kGrpcHead);
  while (const auto message = next_message(exchange)) {
    exchange.send_data(grpc_message("re: " + *message));
  }
  exchange.end(grpc_status(0));
}

void fail_at_once(Http2NodeExchange& exchange) {
  Headers head = kGrpcHead;
  for (const auto& [name, value] : grpc_status(5, "no such cart")) head.add(name, value);
  exchange.send_head_only(200, head);
}

void fail_late(Http2NodeExchange& exchange) {
  exchange.send_head(200, kGrpcHead);
  exchange.send_data(grpc_message("first"));
  exchange.end(grpc_status(13, "it broke"));
}

void never_answer(Http2NodeExchange& exchange) {
  (void)exchange.wait_for_reset(kDeadline * 2);
}

class GrpcStory : public Http2NodeStory {
 protected:
  GrpcStory() {
    for (Http2Node* const node : {&alice_, &bob_}) {
      for (const auto& [method, handler] : {std::pair<std::string, Http2Handler>{"Echo", echo},
                                            {"Total", total},
                                            {"CountTo", count_to},
                                            {"Chat", chat},
                                            {"FailAtOnce", fail_at_once},
                                            {"FailLate", fail_late},
                                            {"Never", never_answer}}) {
        node->on("/shop.Cart/" + method, handler);
      }
    }
  }

  static void expect_ok(const GrpcEnd& end) {
    EXPECT_EQ(end.status, "0") << end.message << end.reset;
    EXPECT_TRUE(end.is_whole);
  }
  static void expect_echo(Http2Client& client, const std::string& message) {
    GrpcCall call{client, "Echo"};
    call.send(message);
    call.finish_sending();
    EXPECT_TRUE(call.read() == message);
    expect_ok(call.end());
  }
  /// 1,000 calls on one connection of a client, 50 at a time.
  static void expect_thousand_echoes(Http2Client& client) {
    for (int round = 0; round < 20; ++round) {
      std::vector<GrpcCall> calls;
      for (int i = 0; i < 50; ++i) {
        GrpcCall& call = calls.emplace_back(client, "Echo");
        call.send("call " + std::to_string(round * 50 + i));
        call.finish_sending();
      }
      for (int i = 0; i < 50; ++i) {
        GrpcCall& call = calls.at(static_cast<std::size_t>(i));
        ASSERT_EQ(call.read(), "call " + std::to_string(round * 50 + i));
        expect_ok(call.end());
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, GrpcStory, worker_counts(), name_of_workers);

TEST_P(GrpcStory, AUnaryCall) {
  launch_alice();
  Http2Client client{address()};
  expect_echo(client, "an order");
  expect_echo(client, "");
  expect_echo(client, std::string(4'000'000, 'x'));
  const Http2NodeRequest seen = alice_.last("/shop.Cart/Echo");
  EXPECT_EQ(seen.pseudo.get(":method"), "POST");
  EXPECT_EQ(seen.headers.get("TE"), "trailers");
  EXPECT_EQ(seen.headers.get("Content-Type"), "application/grpc");
  EXPECT_FALSE(seen.headers.has("Content-Length"));
}

TEST_P(GrpcStory, MetadataPassesBothWays) {
  alice_.on("/shop.Cart/Meta", [](Http2NodeExchange& exchange) {
    (void)exchange.read_body();
    exchange.respond(
        200, grpc_message(""),
        {{"Content-Type", "application/grpc"}, {"x-initial", "a"}, {"x-initial-bin", "AAEC"}},
        {{"grpc-status", "0"}, {"x-trailing", "b"}, {"x-trailing-bin", "AwQF"}});
  });
  launch_alice();
  Http2Client client{address()};
  GrpcCall call{client,
                "Meta",
                {{"grpc-timeout", "1500m"},
                 {"grpc-encoding", "identity"},
                 {"grpc-accept-encoding", "identity,gzip"},
                 {"user-agent", "grpc-by-hand/1"},
                 {"x-meta", "1"},
                 {"x-meta", "2"},
                 {"x-meta-bin", "/+8="}}};
  call.send("");
  call.finish_sending();
  const Headers initial = call.read_head();
  EXPECT_EQ(initial.get("x-initial"), "a");
  EXPECT_EQ(initial.get("x-initial-bin"), "AAEC");
  EXPECT_EQ(call.read(), "");
  expect_ok(call.end());
  const Headers seen = alice_.last("/shop.Cart/Meta").headers;
  EXPECT_EQ(seen.get("grpc-timeout"), "1500m");
  EXPECT_EQ(seen.get("grpc-encoding"), "identity");
  EXPECT_EQ(seen.get("grpc-accept-encoding"), "identity,gzip");
  EXPECT_EQ(seen.get("user-agent"), "grpc-by-hand/1");
  EXPECT_THAT(seen.all("x-meta"), testing::ElementsAre("1", "2"));
  EXPECT_EQ(seen.get("x-meta-bin"), "/+8=");
}

TEST_P(GrpcStory, AClientMayStream) {
  launch_alice();
  Http2Client client{address()};
  GrpcCall call{client, "Total"};
  for (int i = 0; i < 200; ++i) call.send(std::string(1000, 'x'));
  call.finish_sending();
  EXPECT_EQ(call.read(), "200 200000");
  expect_ok(call.end());
}

TEST_P(GrpcStory, AServerMayStream) {
  launch_alice();
  Http2Client client{address()};
  GrpcCall call{client, "CountTo"};
  call.send("500");
  call.finish_sending();
  for (int i = 1; i <= 500; ++i) ASSERT_EQ(call.read(), std::to_string(i));
  EXPECT_EQ(call.read(), std::nullopt);
  expect_ok(call.end());
}

TEST_P(GrpcStory, BothMayStreamAtTheSameTime) {
  launch_alice();
  Http2Client client{address()};
  std::vector<GrpcCall> calls;
  for (int i = 0; i < 10; ++i) calls.emplace_back(client, "Chat");
  for (int round = 0; round < 20; ++round) {
    for (GrpcCall& call : calls) {
      call.send("hello " + std::to_string(round));
      ASSERT_EQ(call.read(), "re: hello " + std::to_string(round)) << "before the next is sent";
    }
  }
  for (GrpcCall& call : calls) {
    call.finish_sending();
    EXPECT_EQ(call.read(), std::nullopt);
    expect_ok(call.end());
  }
}

TEST_P(GrpcStory, AStatusMayComeWithTheHeadOrAfterMessages) {
  launch_alice();
  Http2Client client{address()};
  GrpcCall at_once{client, "FailAtOnce"};
  at_once.send("cart 7");
  at_once.finish_sending();
  const GrpcEnd refused = at_once.end();
  EXPECT_EQ(refused.status, "5");
  EXPECT_EQ(refused.message, "no such cart");
  EXPECT_TRUE(refused.is_whole);
  GrpcCall late{client, "FailLate"};
  late.send("cart 7");
  late.finish_sending();
  EXPECT_EQ(late.read(), "first");
  const GrpcEnd broken = late.end();
  EXPECT_EQ(broken.status, "13");
  EXPECT_EQ(broken.message, "it broke");
}

TEST_P(GrpcStory, AFailureMayComeWhileTheClientStillStreams) {
  launch_alice();
  Http2Client client{address()};
  GrpcCall call{client, "FailAtOnce"};
  call.send("cart 7");
  const GrpcEnd refused = call.end();
  EXPECT_EQ(refused.status, "5");
  EXPECT_TRUE(refused.is_whole);
  expect_echo(client, "next");
}

TEST_P(GrpcStory, AThousandCalls) {
  launch_alice();
  Http2Client client{address()};
  expect_thousand_echoes(client);
  EXPECT_EQ(alice_.requests(), 1000U);
  EXPECT_LE(alice_.connections(), 7U) << "eight share one";
  EXPECT_EQ(ended("completed"), 1000);
}

TEST_P(GrpcStory, AThousandCallsOfAServerThatSendsAGoawayEvery100) {
  alice_.goaway_every(100);
  launch_alice();
  Http2Client client{address()};
  expect_thousand_echoes(client);
  EXPECT_EQ(alice_.requests(), 1000U) << "none twice";
  expect_no_mark_against(alice_);
}

TEST_P(GrpcStory, AStreamSurvivesAGoaway) {
  launch_alice();
  Http2Client client{address()};
  GrpcCall call{client, "Chat"};
  call.send("before");
  EXPECT_EQ(call.read(), "re: before");
  alice_.goaway();
  for (int i = 0; i < 20; ++i) {
    expect_echo(client, "another call");
    call.send("after");
    EXPECT_EQ(call.read(), "re: after");
  }
  call.finish_sending();
  EXPECT_EQ(call.read(), std::nullopt);
  expect_ok(call.end());
  EXPECT_EQ(alice_.connections(), 2U);
  expect_no_mark_against(alice_);
}

TEST_P(GrpcStory, ACancelledCallIsCancelledAtTheServer) {
  launch_alice();
  Http2Client client{address()};
  GrpcCall unary{client, "Never"};
  unary.send("an order");
  unary.finish_sending();
  GrpcCall stream{client, "Chat"};
  stream.send("hello");
  EXPECT_EQ(stream.read(), "re: hello");
  ASSERT_TRUE(alice_.wait_for("/shop.Cart/Never", 1));
  unary.cancel();
  stream.cancel();
  for (const std::string method : {"Never", "Chat"}) {
    EXPECT_TRUE(eventually([&] { return alice_.last("/shop.Cart/" + method).reset == "CANCEL"; }))
        << method;
  }
  expect_echo(client, "the connection stays");
  EXPECT_EQ(alice_.connections(), 1U);
  EXPECT_TRUE(eventually_idle());
  expect_no_mark_against(alice_);
}

TEST_P(GrpcStory, AStreamOfAServerThatDiesIsNeverWhole) {
  launch_alice();
  Http2Client client{address()};
  GrpcCall call{client, "Chat"};
  call.send("hello");
  EXPECT_EQ(call.read(), "re: hello");
  alice_.die();
  const GrpcEnd end = call.end();
  EXPECT_EQ(end.status, "");
  EXPECT_FALSE(end.is_whole);
  EXPECT_TRUE(client.usable());
}

TEST_P(GrpcStory, CallsOfOneConnectionAreSpreadOverTheNodes) {
  TestConfig config = both({"balance = \"round-robin\""});
  config.pools[0].session = {"sticky = \"none\""};
  launch(config);
  Http2Client client{address()};
  for (int i = 0; i < 20; ++i) expect_echo(client, "hello");
  EXPECT_EQ(alice_.requests(), 10U);
  EXPECT_EQ(bob_.requests(), 10U);
  order("bleed alice");
  for (int i = 0; i < 20; ++i) expect_echo(client, "hello");
  EXPECT_EQ(alice_.requests(), 10U) << "without sessions a bleed takes effect at once";
}

}  // namespace
}  // namespace bonedry::test
