// Health checks of nodes that speak HTTP/2: of a path, and of gRPC's health service.
#include "tests/scenario/grpc_message.h"
#include "tests/scenario/http2_node_story.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kGrpcCheck = "/grpc.health.v1.Health/Check";

class Http2NodeHealthStory : public Http2NodeStory {
 protected:
  void launch_checked(const std::string& what) {
    TestConfig config = shop(workers(), {at(alice_)});
    config.pools[0].health = {what, "interval = \"50ms\"", "rise = 1", "fall = 1"};
    launch(config);
  }
  [[nodiscard]] bool becomes(const std::string& health) const {
    return eventually([&] { return node(alice_).health == health; });
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2NodeHealthStory, worker_counts(), name_of_workers);

TEST_P(Http2NodeHealthStory, APathIsAskedForByHttp2) {
  const auto status = std::make_shared<std::atomic<int>>(200);
  alice_.on("/health", [status](Http2NodeExchange& exchange) { exchange.respond(*status, "ok"); });
  launch_checked("path = \"/health\"");
  ASSERT_TRUE(becomes("up"));
  const Http2NodeRequest check = alice_.last("/health");
  EXPECT_EQ(check.pseudo.get(":method"), "GET");
  EXPECT_EQ(check.pseudo.get(":scheme"), story_node_tls() ? "https" : "http");
  EXPECT_EQ(check.pseudo.count(":authority"), 1U);
  EXPECT_FALSE(check.headers.has("Cookie"));
  *status = 500;
  EXPECT_TRUE(becomes("down"));
  *status = 200;
  EXPECT_TRUE(becomes("up"));
  EXPECT_EQ(node(alice_).exchanges_open, 0) << "a check is no exchange";
}

TEST_P(Http2NodeHealthStory, ANodeThatResetsOrLeavesIsDown) {
  launch_checked("path = \"/health\"");
  ASSERT_TRUE(becomes("up"));
  alice_.on("/health", [](Http2NodeExchange& exchange) { exchange.reset("INTERNAL_ERROR"); });
  EXPECT_TRUE(becomes("down"));
  alice_.on("/health", {});
  EXPECT_TRUE(becomes("up"));
  alice_.stop();
  EXPECT_TRUE(becomes("down"));
  alice_.start();
  EXPECT_TRUE(becomes("up"));
}

TEST_P(Http2NodeHealthStory, ANodeThatSpeaksHttp1IsDown) {
  FakeNode old_alice{"alice"};
  TestConfig config = shop(workers(), {TestNode{old_alice}});
  config.pools[0].health = {"path = \"/health\"", "interval = \"50ms\"", "rise = 1", "fall = 1"};
  launch(config);
  EXPECT_TRUE(becomes("down"));
}

/// A health service of gRPC.
struct HealthService {
  std::atomic<int> serving{1};  ///< ServingStatus
  std::atomic<int> status{0};   ///< grpc-status
};

Http2Handler answering_for(const std::shared_ptr<HealthService>& service) {
  return [service](Http2NodeExchange& exchange) {
    (void)exchange.read_body();
    const std::string status = std::to_string(service->status);
    if (service->status != 0) {
      return exchange.send_head_only(
          200, {{"Content-Type", "application/grpc"}, {"grpc-status", status}});
    }
    const std::string reply{'\x08', static_cast<char>(service->serving.load())};
    exchange.respond(200, grpc_message(reply), {{"Content-Type", "application/grpc"}},
                     {{"grpc-status", status}});
  };
}

TEST_P(Http2NodeHealthStory, TheWholeServerIsAskedByGrpc) {
  const auto service = std::make_shared<HealthService>();
  alice_.on(kGrpcCheck, answering_for(service));
  launch_checked("grpc = \"\"");
  ASSERT_TRUE(becomes("up"));
  const Http2NodeRequest check = alice_.last(kGrpcCheck);
  EXPECT_EQ(check.pseudo.get(":method"), "POST");
  EXPECT_THAT(check.headers.get("Content-Type"), StartsWith("application/grpc"));
  EXPECT_EQ(check.headers.get("TE"), "trailers");
  EXPECT_EQ(check.body.text, grpc_message("")) << "an empty HealthCheckRequest";
  service->serving = 2;
  EXPECT_TRUE(becomes("down")) << "NOT_SERVING";
  service->serving = 1;
  EXPECT_TRUE(becomes("up"));
  service->status = 14;
  EXPECT_TRUE(becomes("down")) << "UNAVAILABLE";
  service->status = 0;
  EXPECT_TRUE(becomes("up"));
  service->serving = 0;
  EXPECT_TRUE(becomes("down")) << "UNKNOWN";
}

TEST_P(Http2NodeHealthStory, AServiceIsAskedForByItsName) {
  const auto service = std::make_shared<HealthService>();
  alice_.on(kGrpcCheck, answering_for(service));
  launch_checked("grpc = \"shop.Cart\"");
  ASSERT_TRUE(becomes("up"));
  EXPECT_EQ(alice_.last(kGrpcCheck).body.text, grpc_message("\x0a\x09shop.Cart"));
  service->status = 5;
  EXPECT_TRUE(becomes("down")) << "NOT_FOUND: no such service";
}

TEST_P(Http2NodeHealthStory, AServerWithoutTheServiceIsDown) {
  alice_.on(kGrpcCheck, [](Http2NodeExchange& exchange) { exchange.respond(404, "no page"); });
  launch_checked("grpc = \"\"");
  EXPECT_TRUE(becomes("down"));
  alice_.on(kGrpcCheck, [](Http2NodeExchange& exchange) {
    exchange.respond(200, grpc_message("\x08\x01"), {{"Content-Type", "application/grpc"}});
  });
  EXPECT_FALSE(eventually([this] { return node(alice_).health == "up"; }, Millis{500}))
      << "without a grpc-status nothing has passed";
}

}  // namespace
}  // namespace bonedry::test
