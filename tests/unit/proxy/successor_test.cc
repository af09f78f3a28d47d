// What a process passes to the successor that it has started, and when.

#include "proxy/successor.h"

#include "tests/support/deadline.h"
#include "tests/support/temporary_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::proxy {
namespace {

using testing::HasSubstr;

class SuccessorTest : public testing::Test {
 protected:
  [[nodiscard]] UniqueFd open_lock() const {
    return UniqueFd{
        ::open(std::string(directory_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  }
  /// Runs a shell script instead of the program; returns why it failed.
  std::string fail(const std::string& script) {
    std::string why;
    Successor successor(loop_, {.on_follow = [](std::uint64_t, const handover::RoutingState&) {},
                                .on_ready = [this] { loop_.stop(); },
                                .on_failed =
                                    [&](const std::string& text) {
                                      why = text;
                                      loop_.stop();
                                    },
                                .on_gone = [] {}});
    UniqueFd lock = open_lock();
    EXPECT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
    const std::vector<Server::ListeningSocket> none;
    EXPECT_TRUE(successor.start({"/bin/sh", "-c", script}, {lock.get(), "/run/s", none}));
    loop_.run();
    return why;
  }
  /// Whether the lock of this process is free.
  [[nodiscard]] bool lock_is_free() const {
    const UniqueFd lock = open_lock();
    return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  }

  bonedry::test::TemporaryDirectory directory_;
  io::EventLoop loop_;
};

TEST_F(SuccessorTest, WhatAScriptLeavesBehindHoldsNothingOfOurs) {
  // In a separate session, where no signal to the script's process group reaches it.
  const std::string pid_file = directory_ / "pid";
  const std::string fifo = directory_ / "fifo";
  EXPECT_THAT(
      fail("mkfifo " + fifo + "; setsid sh -c 'echo $$ > " + fifo +
           "; exec sleep 600' & read pid < " + fifo + "; echo $pid > " + pid_file + "; exit 3"),
      HasSubstr("it exited with code 3"));
  EXPECT_TRUE(lock_is_free());
  pid_t left = 0;
  std::ifstream(pid_file) >> left;
  ASSERT_GT(left, 0);
  EXPECT_EQ(::kill(left, SIGKILL), 0) << "it was there all the time";
}

TEST_F(SuccessorTest, AChildOfAScriptIsKilledWithIt) {
  EXPECT_THAT(fail("sleep 600 & exit 3"), HasSubstr("it exited with code 3"));
  EXPECT_TRUE(lock_is_free());
}

/// Passes more sockets than fit into the channel to a script that takes one message and then hangs
/// until the test lets it continue.
class SlowSuccessorTest : public SuccessorTest, private io::ReadWatcher::Handler {
 protected:
  static constexpr std::size_t kListeners = 600;

  SlowSuccessorTest() {
    EXPECT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
    hangs_.reset(::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    EXPECT_EQ(::mkfifo(go_on_.c_str(), 0600), 0);
    go_.reset(::open(go_on_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    watcher_.emplace(loop_, hangs_.get(), static_cast<io::ReadWatcher::Handler&>(*this));
    for (std::size_t i = 0; i < kListeners; ++i) {
      listening_.push_back({i, "127.0.0.1:" + std::to_string(i), UniqueFd{::dup(0)}});
    }
  }

  void start(const std::string& and_then) {
    const std::string script =
        "take() { dd bs=4096 count=$1 <&3 2>&-; }; printf hello >&3; "
        "take 1 >" +
        directory_ / "taken; echo >" + fifo_ + "; read line <" + go_on_ + "; " + and_then;
    ASSERT_TRUE(successor_.start({"/bin/sh", "-c", script}, {lock_.get(), "/run/s", listening_}));
  }
  void let_it_go_on() const { ASSERT_EQ(::write(go_.get(), "\n", 1), 1); }
  [[nodiscard]] std::string taken() const {
    std::ifstream file(directory_ / "taken");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  bool hangs_now_ = false;
  bool ready_ = false;
  std::string why_;
  const UniqueFd lock_ = open_lock();
  std::vector<Server::ListeningSocket> listening_;
  Successor successor_{loop_,
                       {.on_follow = [](std::uint64_t, const handover::RoutingState&) {},
                        .on_ready =
                            [this] {
                              ready_ = true;
                              loop_.stop();
                            },
                        .on_failed =
                            [this](const std::string& text) {
                              why_ = text;
                              loop_.stop();
                            },
                        .on_gone = [] {}}};

 private:
  void on_readable() override {
    watcher_.reset();
    hangs_now_ = true;
    loop_.stop();
  }

  const std::string fifo_ = directory_ / "hangs";
  const std::string go_on_ = directory_ / "go-on";
  UniqueFd hangs_;
  UniqueFd go_;
  std::optional<io::ReadWatcher> watcher_;
};

TEST_F(SlowSuccessorTest, OneThatHangsKeepsNobodyWaiting) {
  const auto began = std::chrono::steady_clock::now();
  start("");
  loop_.run();
  EXPECT_TRUE(hangs_now_) << why_;
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{8})
      << "the loop went on, though nobody took what is to be given";
  EXPECT_TRUE(successor_.is_starting());
}

TEST_F(SlowSuccessorTest, OneThatTakesItsTimeGetsAll) {
  std::string all = "lockadmin /run/shealth";
  for (std::size_t i = 0; i < kListeners; ++i) {
    all += "listener " + std::to_string(i) + " 127.0.0.1:" + std::to_string(i);
  }
  all += "go";
  const std::string file = directory_ / "taken";
  // dd ends when there is nothing to read at the moment.
  start("while [ $(wc -c <" + file + ") -lt " + std::to_string(all.size()) + " ]; do take " +
        std::to_string(kListeners) + " >>" + file + "; done; printf ready >&3; exec sleep 600");
  loop_.run();
  ASSERT_TRUE(hangs_now_) << why_;
  let_it_go_on();
  loop_.run();
  EXPECT_TRUE(ready_) << why_;
  EXPECT_EQ(taken(), all);
  EXPECT_EQ(::kill(successor_.pid(), SIGKILL), 0);
}

TEST_F(SlowSuccessorTest, TheLastReportWaitsForRoom) {
  listening_.clear();
  const std::string file = directory_ / "taken";
  // It takes all of the handover, is ready, and reads on only when it is told to.
  start("while ! grep -q go " + file + "; do take 600 >>" + file +
        "; done; printf ready >&3; read line <" + (directory_ / "go-on") +
        "; while :; do take 600 >>" + file + "; done");
  loop_.run();
  ASSERT_TRUE(hangs_now_) << why_;
  let_it_go_on();
  loop_.run();
  ASSERT_TRUE(ready_) << why_;
  for (std::uint64_t number = 1; number < 2000; ++number) successor_.followed(number);
  successor_.report_totals("{}");
  let_it_go_on();
  successor_.report_last_totals("{}");
  EXPECT_TRUE(
      bonedry::test::eventually([this] { return taken().ends_with("followed 1999totals"); }));
  EXPECT_EQ(::kill(successor_.pid(), SIGKILL), 0);
}

TEST_F(SlowSuccessorTest, TheLastReportDoesNotWaitForOneThatHangs) {
  listening_.clear();
  const std::string file = directory_ / "taken";
  start("while ! grep -q go " + file + "; do take 600 >>" + file +
        "; done; printf ready >&3; exec sleep 600");
  loop_.run();
  let_it_go_on();
  loop_.run();
  ASSERT_TRUE(ready_) << why_;
  for (std::uint64_t number = 1; number < 2000; ++number) successor_.followed(number);
  successor_.report_last_totals("{}");
  EXPECT_TRUE(successor_.is_ready());
  EXPECT_EQ(::kill(successor_.pid(), SIGKILL), 0);
}

TEST_F(SlowSuccessorTest, OneThatEndsMeanwhileHasFailed) {
  start("exit 3");
  loop_.run();
  ASSERT_TRUE(hangs_now_) << why_;
  let_it_go_on();
  loop_.run();
  EXPECT_THAT(why_, testing::Not(testing::IsEmpty()));
}

TEST_F(SlowSuccessorTest, OneThatIsReadyBeforeItHasAllHasFailed) {
  start("printf ready >&3; exec sleep 600");
  loop_.run();
  ASSERT_TRUE(hangs_now_) << why_;
  let_it_go_on();
  loop_.run();
  EXPECT_THAT(why_, HasSubstr("it reported ready before the handover was complete"));
}

}  // namespace
}  // namespace bonedry::proxy
