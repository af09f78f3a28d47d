// WebSockets in practice: a real server behind the proxy, real clients in front of it.
#include "tests/scenario/story.h"

#include <future>
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
    EXPECT_TRUE(eventually([&] { return read_file(dir_ / "port").ends_with('\n'); }))
        << read_file(dir_ / "err");
    std::string port = read_file(dir_ / "port");
    port.pop_back();
    TestConfig config = shop(workers(), {TestNode{"alice", "127.0.0.1:" + port}});
    bonedry_ = std::make_unique<BonedryProcess>(config);
  }

  TempDir dir_;
  ChildProcess server_{{{kPython, script(), "serve"}, {}, dir_ / "port", dir_ / "err"}};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, WebSocketStory, one_and_four_workers(), name_of_workers);

TEST_P(WebSocketStory, RealClientsTalkToARealServer) {
  std::vector<std::future<RunResult>> talks;
  for (int i = 0; i < 4; ++i) {
    talks.push_back(std::async(std::launch::async, [this] {
      return run_program({kPython, script(), "talk", bonedry_->address()}, {}, kDeadline * 3);
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
