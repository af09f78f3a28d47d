// What a process gives to the one that it has started in its place, and when.

#include "proxy/successor.h"

#include "tests/unit/io/temporary_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>

#include <fstream>
#include <string>
#include <vector>

namespace bonedry::proxy {
namespace {

using testing::HasSubstr;

class SuccessorTest : public testing::Test {
 protected:
  [[nodiscard]] UniqueFd open_lock() const {
    return UniqueFd{
        ::open(std::string(folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  }
  /// Runs a shell script in the place of the program; returns why it was no successor.
  std::string fail(const std::string& script) {
    std::string why;
    Successor successor(loop_, {.on_follow = [](std::uint64_t, const handover::Guidance&) {},
                                .on_ready = [this] { loop_.stop(); },
                                .on_failed =
                                    [&](const std::string& text) {
                                      why = text;
                                      loop_.stop();
                                    },
                                .on_gone = [] {}});
    UniqueFd lock = open_lock();
    EXPECT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
    const std::vector<Server::Listening> none;
    EXPECT_TRUE(successor.start({"/bin/sh", "-c", script}, {lock.get(), "/run/s", none}));
    loop_.run();
    return why;
  }
  /// Whether nobody holds the lock that this process had.
  [[nodiscard]] bool lock_is_free() const {
    const UniqueFd lock = open_lock();
    return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  }

  bonedry::test::TemporaryFolder folder_;
  io::EventLoop loop_;
};

TEST_F(SuccessorTest, WhatAScriptLeavesBehindHoldsNothingOfOurs) {
  // In a session of its own, where no signal to the script's group reaches it.
  const std::string pid_file = folder_ / "pid";
  const std::string fifo = folder_ / "fifo";
  EXPECT_THAT(
      fail("mkfifo " + fifo + "; setsid sh -c 'echo $$ > " + fifo +
           "; exec sleep 600' & read pid < " + fifo + "; echo $pid > " + pid_file + "; exit 3"),
      HasSubstr("it ended with 3"));
  EXPECT_TRUE(lock_is_free());
  pid_t left = 0;
  std::ifstream(pid_file) >> left;
  ASSERT_GT(left, 0);
  EXPECT_EQ(::kill(left, SIGKILL), 0) << "it was there all the time";
}

TEST_F(SuccessorTest, AChildOfAScriptIsKilledWithIt) {
  EXPECT_THAT(fail("sleep 600 & exit 3"), HasSubstr("it ended with 3"));
  EXPECT_TRUE(lock_is_free());
}

}  // namespace
}  // namespace bonedry::proxy
