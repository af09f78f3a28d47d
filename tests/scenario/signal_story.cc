// Signals: what each does to the running program, at any time, and to bonedryctl.
#include "tests/scenario/story.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

namespace bonedry::test {
namespace {

class SignalStory : public ShopStory {
 protected:
  /// Begins a request that stays in progress until the gate is opened.
  std::unique_ptr<HttpClient> begin_long() {
    for (FakeNode* each : {&alice_, &bob_}) {
      each->on("/long", [gate = gate_](NodeExchange& exchange) {
        (void)gate.wait();
        exchange.respond(200, "at last");
      });
    }
    auto client = std::make_unique<HttpClient>(bonedry_->address());
    client->send(Request{.target = "/long"}.to_wire());
    EXPECT_TRUE(eventually([this] { return open_exchanges() == 1; }));
    return client;
  }
  void send(int signal) const { ASSERT_EQ(::kill(bonedry_->pid(), signal), 0); }

  [[nodiscard]] TestConfig logging_to(const std::string& path) const {
    TestConfig shop = config();
    shop.server = {"[log]", "access = \"" + path + "\""};
    return shop;
  }

  Gate gate_;
};

INSTANTIATE_TEST_SUITE_P(Workers, SignalStory, worker_counts(), name_of_workers);

/// False for signals that bonedry handles, that report a fault in it, or that cannot be blocked.
bool is_ignored(int signal) {
  static constexpr std::array kOthers{SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                                      SIGUSR2, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
                                      SIGFPE,  SIGILL,  SIGTRAP, SIGSYS,  SIGABRT};
  const bool of_the_c_library = signal > SIGSYS && signal < SIGRTMIN;
  return !of_the_c_library && std::ranges::find(kOthers, signal) == kOthers.end();
}

TEST_P(SignalStory, AllOthersDoNothing) {
  launch(config());
  const auto client = begin_long();
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (is_ignored(signal)) send(signal);
  }
  EXPECT_EQ(open_exchanges(), 1);
  EXPECT_EQ(User(bonedry_->address()).click().status, 200);
  gate_.open();
  EXPECT_EQ(client->read_response().body, "at last");
  EXPECT_TRUE(bonedry_->running());
}

TEST_P(SignalStory, ThoseThatEndItLetExchangesFinish) {
  for (const int signal : {SIGQUIT, SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    gate_ = Gate{};
    TestConfig patient = config();
    patient.timeouts = {"shutdown = \"1m\""};
    launch(patient);
    const std::string address = bonedry_->address();
    const auto client = begin_long();
    send(signal);
    EXPECT_TRUE(eventually([&] {
      try {
        (void)Socket::connect_tcp(address);
        return false;
      } catch (const ConnectionRefused&) {
        return true;
      }
    })) << "nobody new is let in";
    EXPECT_TRUE(bonedry_->running());
    gate_.open();
    EXPECT_EQ(client->read_response().body, "at last");
    EXPECT_TRUE(eventually([this] { return !bonedry_->running(); }));
    bonedry_->stop();  // this checks the exit code
  }
}

TEST_P(SignalStory, UserSignalOneOpensTheAccessLogAnewWhileExchangesGoOn) {
  const TempDir directory;
  const std::string path = directory / "access.log";
  launch(logging_to(path));
  const auto client = begin_long();
  HttpClient(bonedry_->address()).get("/before");
  EXPECT_TRUE(eventually([&] { return read_file(path).find("/before") != std::string::npos; }));
  ASSERT_EQ(std::rename(path.c_str(), (directory / "rotated").c_str()), 0);
  send(SIGUSR1);
  EXPECT_TRUE(eventually([&] {
    HttpClient(bonedry_->address()).get("/after");
    return read_file(path).find("/after") != std::string::npos;
  }));
  gate_.open();
  EXPECT_EQ(client->read_response().body, "at last");
  EXPECT_TRUE(eventually([&] { return read_file(path).find("/long") != std::string::npos; }));
  EXPECT_EQ(read_file(directory / "rotated").find("/long"), std::string::npos);
  EXPECT_EQ(bonedry_->open_descriptors(directory / "rotated"), 0U) << "which is let go";
}

TEST_P(SignalStory, HoweverOftenAndWheneverItIsToldToEndItEndsWithZero) {
  for (const Millis pause : {Millis{0}, Millis{1}, Millis{5}}) {
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
      launch(config());
      User(bonedry_->address()).click();
      EXPECT_TRUE(eventually(
          [&] {
            if (!bonedry_->running()) return true;
            send(signal);
            return false;
          },
          kDeadline, pause));
      bonedry_->stop();  // this checks the exit code
    }
  }
}

TEST_P(SignalStory, ASecondOneEndsItAtOnceWithZeroToo) {
  TestConfig patient = config();
  patient.timeouts = {"shutdown = \"1h\""};
  launch(patient);
  const auto client = begin_long();
  send(SIGTERM);
  ASSERT_TRUE(bonedry_->says("waiting for open requests"));
  EXPECT_TRUE(bonedry_->running());
  send(SIGQUIT);
  send(SIGTERM);
  bonedry_->stop();
  EXPECT_TRUE(client->closed_by_peer());
  gate_.open();
}

TEST_P(SignalStory, OneThatComesBeforeItServesEndsItWithZero) {
  bonedry_ = std::make_unique<BonedryProcess>(config(), BonedryProcess::Start::later);
  const TempDir directory;
  for (int round = 0; round < 5; ++round) {
    ChildProcess early({.arguments = {bonedry_program(), "--config", bonedry_->config_path()},
                        .environment = {},
                        .out_path = directory / "out",
                        .err_path = directory / "err"});
    const auto holds_signals = [&] {
      // It blocks them first of all; before that, the child is not bonedry yet.
      const std::string status = read_file("/proc/" + std::to_string(early.pid()) + "/status");
      const auto at = status.find("SigBlk:\t");
      return at != std::string::npos &&
             (std::stoull(status.substr(at + 8, 16), nullptr, 16) >> (SIGTERM - 1) & 1U) != 0;
    };
    ASSERT_TRUE(eventually(holds_signals, kDeadline, Millis{0}));
    for (int i = 0; i < 3; ++i) early.signal(SIGTERM);
    const auto ended = early.wait(kDeadline * 3);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->signal, 0);
    EXPECT_EQ(ended->code, 0);
  }
}

TEST_P(SignalStory, BonedryctlEndsAsAnyProgramDoes) {
  launch(config());
  const User user = live_user_on(alice_);
  order("bleed alice");
  const TempDir directory;
  const auto end_by = [&](const std::vector<std::string>& words, int signal) {
    const std::string err = directory / ("err" + std::to_string(signal) + words.front());
    const std::string out = directory / ("out" + std::to_string(signal) + words.front());
    std::vector<std::string> all = {bonedryctl_program(), "--socket", bonedry_->socket_path()};
    all.insert(all.end(), words.begin(), words.end());
    ChildProcess child({.arguments = all, .environment = {}, .out_path = out, .err_path = err});
    EXPECT_TRUE(eventually([&] {
      order("reload");  // causes a log line
      return !read_file(err).empty() || !read_file(out).empty();
    }));
    child.signal(signal);
    const auto ended = child.wait(kDeadline);
    return ended ? *ended : ChildExit{-1, 0};
  };
  EXPECT_EQ(end_by({"wait", "alice"}, SIGINT).code, 130);
  EXPECT_EQ(end_by({"wait", "alice"}, SIGTERM).code, 143);
  for (const int signal : {SIGHUP, SIGUSR1, SIGALRM}) {
    EXPECT_EQ(end_by({"wait", "alice"}, signal).signal, signal);
  }
  EXPECT_EQ(end_by({"events", "--follow"}, SIGINT).signal, SIGINT);
  EXPECT_EQ(end_by({"events", "--follow"}, SIGTERM).signal, SIGTERM);
  EXPECT_EQ(node(alice_).state, "bleeding") << "and nothing else has ended";
}

}  // namespace
}  // namespace bonedry::test
