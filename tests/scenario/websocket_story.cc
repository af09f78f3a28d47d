// WebSockets in practice: a real server behind the proxy, real clients in front of it.
#include "tests/scenario/story.h"
#include "tests/support/story_tls.h"

#include <future>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

constexpr const char* kPython = "/usr/bin/python3";  // Debian's, which has the library

std::string script() {
  return std::string(BONEDRY_SOURCE_DIR) + "/tests/peers/websocket.py";
}

class WebSocketStory : public Story {
 protected:
  WebSocketStory() {
    std::vector<std::string> serve{kPython, script(), "serve"};
    if (const auto tls = story_tls_files()) {
      write_file(dir_ / "ca.pem", tls->ca);
      write_file(dir_ / "certificate.pem", tls->certificate);
      write_file(dir_ / "key.pem", tls->key);
      serve.insert(serve.end(), {dir_ / "certificate.pem", dir_ / "key.pem"});
      ca_ = {dir_ / "ca.pem"};
    }
    server_.emplace(ChildProcess::Command{serve, {}, dir_ / "port", dir_ / "err"});
    EXPECT_TRUE(eventually([&] { return read_file(dir_ / "port").ends_with('\n'); }))
        << read_file(dir_ / "err");
    std::string port = read_file(dir_ / "port");
    port.pop_back();
    TestConfig config = shop(workers(), {TestNode{"alice", "127.0.0.1:" + port}});
    bonedry_ = std::make_unique<BonedryProcess>(config);
  }

  TempDir dir_;
  std::optional<ChildProcess> server_;
  std::vector<std::string> ca_;  ///< the file that clients trust; empty: without TLS
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, WebSocketStory, worker_counts(), name_of_workers);

TEST_P(WebSocketStory, RealClientsTalkToARealServer) {
  std::vector<std::future<RunResult>> talks;
  for (int i = 0; i < 4; ++i) {
    talks.push_back(std::async(std::launch::async, [this] {
      std::vector<std::string> talk{kPython, script(), "talk", bonedry_->address()};
      talk.insert(talk.end(), ca_.begin(), ca_.end());
      return run_program(talk, {}, kDeadline * 3);
    }));
  }
  for (auto& talk : talks) {
    const RunResult result = talk.get();
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, "all came back\n");
  }
  EXPECT_TRUE(eventually([&] { return bonedry_->node("alice").exchanges_open == 0; }));
}

}  // namespace
}  // namespace bonedry::test
