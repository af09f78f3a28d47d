// Standard output and standard error are pipes that nobody reads: only log lines are lost.
#include "tests/scenario/story.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace bonedry::test {
namespace {

/// A pipe that is full and stays full.
class FullPipe {
 public:
  FullPipe() : path_(directory_ / "pipe") {
    if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
    fd_ = ::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    const std::array<char, 4096> bytes{};
    while (::write(fd_, bytes.data(), bytes.size()) > 0) {
    }
  }
  ~FullPipe() { ::close(fd_); }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  TempDir directory_;
  std::string path_;
  int fd_ = -1;
};

class UnreadOutputStory : public ShopStory {
 protected:
  [[nodiscard]] TestConfig talkative() const {
    TestConfig shop = config();
    shop.server = {"[log]", "level = \"debug\""};
    shop.timeouts = {"shutdown = \"20s\""};
    return shop;
  }

  /// Causes many lines in the log of the process.
  void say_much() const {
    const std::string reason(200, 'r');
    for (int i = 0; i < 50; ++i) {
      order("bleed alice --reason " + reason);
      order("activate alice");
    }
  }

  /// Causes many lines in the access log.
  void visit_often() const {
    HttpClient crowd(bonedry_->address());
    for (int i = 0; i < 500; ++i) {
      EXPECT_EQ(crowd.get("/a-page-with-a-name-of-some-length/" + std::string(500, 'x')).status,
                200);
    }
  }

  void everything_works() {
    User ann = live_user_on(alice_);
    say_much();
    visit_often();
    for (const char* line : {"status", "sessions alice", "events", "reload", "bleed alice"}) {
      EXPECT_FALSE(bonedry_->admin(line).starts_with("error: ")) << line;
    }
    ASSERT_EQ(::kill(bonedry_->pid(), SIGUSR1), 0);
    bonedry_->upgrade();
    EXPECT_EQ(ann.click().status, 200);
    EXPECT_EQ(ann.node(), "alice");
    EXPECT_EQ(node(alice_).state, "bleeding");
    ann.disconnect();
    EXPECT_TRUE(bonedry_->predecessor_ends());
    say_much();
    EXPECT_EQ(ann.click().status, 200);
    ann.disconnect();
    const TestTime start = TestClock::now();
    bonedry_->stop();
    EXPECT_LT(elapsed_since(start), scaled(std::chrono::seconds{5}))
        << "nothing is under way, and what nobody reads is not waited for";
  }

  const FullPipe pipe_;
};

INSTANTIATE_TEST_SUITE_P(Workers, UnreadOutputStory, worker_counts(), name_of_workers);

TEST_P(UnreadOutputStory, StandardErrorIsNotWaitedFor) {
  TestConfig shop = talkative();
  shop.err = pipe_.path();
  launch(shop);
  everything_works();
}

TEST_P(UnreadOutputStory, AnAccessLogOnStandardOutputIsNotWaitedFor) {
  TestConfig shop = talkative();
  shop.out = pipe_.path();
  launch(shop);
  everything_works();
}

TEST_P(UnreadOutputStory, OnePipeForBothIsNot) {
  TestConfig shop = talkative();
  shop.out = pipe_.path();
  shop.err = pipe_.path();
  launch(shop);
  everything_works();
}

TEST_P(UnreadOutputStory, NeitherIsAnAccessLogOnAPipeWithAName) {
  TestConfig shop = talkative();
  shop.server.push_back("access = \"" + pipe_.path() + "\"");
  launch(shop);
  everything_works();
}

TEST_P(UnreadOutputStory, ExchangesFinishAndSignalsAreObeyed) {
  TestConfig shop = talkative();
  shop.out = pipe_.path();
  shop.err = pipe_.path();
  launch(shop);
  const Gate gate;
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/long", [gate](NodeExchange& exchange) {
      (void)gate.wait();
      exchange.respond(200, "at last");
    });
  }
  HttpClient client(bonedry_->address());
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_TRUE(
      eventually([this] { return node(alice_).exchanges_open + node(bob_).exchanges_open == 1; }));
  ASSERT_EQ(::kill(bonedry_->pid(), SIGTERM), 0);
  EXPECT_TRUE(bonedry_->running());
  gate.open();
  EXPECT_EQ(client.read_response().body, "at last");
  EXPECT_TRUE(eventually(
      [this] {
        if (!bonedry_->running()) return true;
        EXPECT_EQ(::kill(bonedry_->pid(), SIGTERM), 0);  // until the process has ended
        return false;
      },
      kDeadline));
  bonedry_->stop();
}

TEST_P(UnreadOutputStory, AnErrorAtTheStartIsNotWaitedForEither) {
  TestConfig shop = talkative();
  shop.err = pipe_.path();
  bonedry_ = std::make_unique<BonedryProcess>(shop, BonedryProcess::Start::later);
  write_file(bonedry_->config_path(), "nonsense = true\n");
  ChildProcess child({.arguments = {bonedry_program(), "--config", bonedry_->config_path()},
                      .environment = {},
                      .out_path = "/dev/null",
                      .err_path = pipe_.path()});
  const auto ended = child.wait(kDeadline);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->signal, 0);
  EXPECT_EQ(ended->code, 1);
}

TEST_P(UnreadOutputStory, WhatIsClosedFromTheStartIsNotTakenForAnotherFile) {
  const TempDir directory;
  const auto closing = [&directory](const std::string& program) {
    const std::string path = directory / program.substr(program.rfind('/') + 1);
    write_file(path, "#!/bin/sh\nexec " + program + " \"$@\" <&- >&- 2>&-\n");
    EXPECT_EQ(::chmod(path.c_str(), 0700), 0);
    return path;
  };
  TestConfig shop = talkative();
  shop.program = closing(bonedry_program());
  launch(shop);
  User ann = live_user_on(alice_);
  say_much();
  for (const char* standard : {"0", "1", "2"}) {
    const auto fd = "/proc/" + std::to_string(bonedry_->pid()) + "/fd/" + standard;
    EXPECT_EQ(std::filesystem::read_symlink(fd), "/dev/null");
  }
  bonedry_->kill9();
  bonedry_->start();
  EXPECT_TRUE(bonedry_->status().at("ledger").at("complete"));
  ann.go_to(bonedry_->address());
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
  const std::string ctl = closing(bonedryctl_program());
  const auto ask = [&](const std::string& word) {
    return run_program({ctl, "--socket", bonedry_->socket_path(), word, "alice"}).code;
  };
  EXPECT_EQ(ask("sessions"), 0);
  EXPECT_EQ(ask("wait"), 4) << "she is active";
}

}  // namespace
}  // namespace bonedry::test
