// gRPC between a client and a server that nobody here wrote: grpc-js, by the scripts in tests/grpc.
#include "tests/scenario/http2_node_story.h"
#include "tests/support/can_run.h"

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

namespace bonedry::test {
namespace {

using nlohmann::json;

constexpr const char* kNode = "/usr/bin/node";
constexpr const char* kScripts = BONEDRY_SOURCE_DIR "/tests/grpc";
constexpr const char* kPackage = BONEDRY_SOURCE_DIR "/tests/grpc/node_modules/@grpc/grpc-js";

/// A server of grpc-js.
class GrpcJsServer {
 public:
  /// `options` are grpc-js' own, as JSON.
  GrpcJsServer(std::string out, const std::string& options)
      : out_(std::move(out)),
        process_({.arguments = {kNode, std::string(kScripts) + "/server.js", options},
                  .out_path = out_}) {
    const std::string words = "listening on ";
    if (!eventually([this] { return read_file(out_).ends_with('\n'); }, kDeadline * 2)) {
      throw std::runtime_error("grpc-js does not start");
    }
    const std::string said = read_file(out_);
    address_ = "127.0.0.1:" + said.substr(words.size(), said.size() - words.size() - 1);
  }

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  const std::string out_;
  ChildProcess process_;
  std::string address_;
};

class GrpcJsStory : public Http2NodeStory {
 protected:
  void SetUp() override {
    if (!can_run(kNode)) GTEST_SKIP() << "Debian's package nodejs is not installed";
    if (::access(kPackage, R_OK) != 0) {
      GTEST_SKIP() << "grpc-js is not installed: run npm install in tests/grpc";
    }
  }
  void launch_before_server(const std::string& options) {
    server_ = std::make_unique<GrpcJsServer>(files_ / "server", options);
    TestConfig config = shop(workers(), {{"alice", server_->address()}}, {"sticky = \"none\""}, {});
    config.pools[0].health = {"grpc = \"\"", "interval = \"100ms\""};
    launch(config);
    ASSERT_TRUE(eventually([this] { return bonedry_->node("alice").health == "up"; }))
        << bonedry_->admin("status");
  }
  /// What the client has got, with 1,000 unary calls.
  [[nodiscard]] json run_client(const std::string& at_a_time) const {
    const RunResult result =
        run_program({kNode, std::string(kScripts) + "/client.js", address(), "1000", at_a_time}, {},
                    kDeadline * 6);
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out);
  }

  std::unique_ptr<GrpcJsServer> server_;
};

// The programs take seconds, and say nothing of threads.
INSTANTIATE_TEST_SUITE_P(Workers, GrpcJsStory, testing::Values(1U), name_of_workers);

void expect_all_kinds_of_calls(const json& got) {
  EXPECT_EQ(got.at("echo"), json::parse(R"({"initial": "a, b", "code": 0, "details": "",
                                            "value": "hello", "trailing": "0001ff"})"));
  EXPECT_EQ(got.at("large"), 3 << 20);
  EXPECT_EQ(got.at("clientStream"), "100 100000");
  EXPECT_EQ(got.at("serverStream"), json::parse(R"({"count": 300, "inOrder": true})"));
  EXPECT_EQ(got.at("chat").size(), 20U) << got.at("chat");
  EXPECT_EQ(got.at("chat").back(), "re: 19");
  EXPECT_EQ(got.at("fail").at("code"), 5);
  EXPECT_EQ(got.at("fail").at("details"), "no such cart");
  EXPECT_EQ(got.at("deadline").at("code"), 4) << "DEADLINE_EXCEEDED";
  EXPECT_EQ(got.at("cancel").at("code"), 1) << "CANCELLED";
  EXPECT_EQ(got.at("cancelled"), 2) << "both at the server, too";
}

TEST_P(GrpcJsStory, AllKindsOfCallsPass) {
  launch_before_server("{}");
  const json got = run_client("20");
  expect_all_kinds_of_calls(got);
  EXPECT_EQ(got.at("many"), json::parse(R"({"served": 1000, "failures": []})"));
}

TEST_P(GrpcJsStory, AServerThatGivesItsConnectionsUpLosesNoCall) {
  launch_before_server(
      R"({"grpc.max_connection_age_ms": 100, "grpc.max_connection_age_grace_ms": 5000})");
  const json got = run_client("20");
  EXPECT_EQ(got.at("many"), json::parse(R"({"served": 1000, "failures": []})"));
  EXPECT_EQ(bonedry_->node("alice").health, "up");
}

}  // namespace
}  // namespace bonedry::test
