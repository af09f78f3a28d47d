#include "proxy/io/fd_watcher.h"

#include "proxy/base/unique_fd.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/read_watcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace bonedry::io {
namespace {

class Heard final : public FdWatcher::Handler {
 public:
  void on_ready(Ready ready) override { told.push_back(ready); }
  void on_watch_failed(int error) override {
    errors.push_back(error);
    if (then) then();
  }

  std::vector<Ready> told;
  std::vector<int> errors;
  std::function<void()> then;
};

/// A regular file: epoll(7) rejects it with EPERM.
UniqueFd regular_file() {
  return UniqueFd{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
}

struct PipeEnds {
  PipeEnds() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    in.reset(ends[0]);
    out.reset(ends[1]);
  }
  void write() const { EXPECT_EQ(::write(out.get(), "x", 1), 1); }
  UniqueFd in;
  UniqueFd out;
};

void turn(EventLoop& loop) {
  uv_run(loop.raw(), UV_RUN_NOWAIT);
}

TEST(FdWatcherTest, WhatCannotBeWatchedIsToldLaterAndOnce) {
  EventLoop loop;
  const UniqueFd file = regular_file();
  ASSERT_TRUE(file.is_open());
  Heard heard;
  FdWatcher watcher(loop, file.get(), heard);
  watcher.want(Ready::read);
  EXPECT_EQ(watcher.wanted(), Ready::none) << "it is not watched";
  EXPECT_TRUE(heard.errors.empty()) << "not from inside the call";
  turn(loop);
  EXPECT_EQ(heard.errors, std::vector{EPERM});
  turn(loop);
  EXPECT_EQ(heard.errors.size(), 1U);
  watcher.want(Ready::both);
  watcher.want(Ready::write);
  turn(loop);
  EXPECT_EQ(heard.errors.size(), 2U) << "once a round";
}

TEST(FdWatcherTest, WhatIsWantedNoMoreIsNotTold) {
  EventLoop loop;
  const UniqueFd file = regular_file();
  Heard heard;
  FdWatcher watcher(loop, file.get(), heard);
  watcher.want(Ready::read);
  watcher.want(Ready::none);
  std::optional<FdWatcher> gone;
  gone.emplace(loop, file.get(), heard);
  gone->want(Ready::read);
  gone.reset();
  turn(loop);
  EXPECT_TRUE(heard.errors.empty());
}

TEST(FdWatcherTest, AChangeThatFailsLeavesWhatWasWatched) {
  EventLoop loop;
  PipeEnds pipe;
  PipeEnds other;
  Heard heard;
  FdWatcher watcher(loop, pipe.in.get(), heard);
  watcher.want(Ready::read);
  const int number = pipe.in.get();
  const UniqueFd kept{::dup(number)};  // epoll registers the pipe, not the descriptor number
  const UniqueFd file = regular_file();
  ASSERT_EQ(::dup2(file.get(), number), number);
  watcher.want(Ready::both);
  EXPECT_EQ(watcher.wanted(), Ready::read);
  turn(loop);
  EXPECT_EQ(heard.errors, std::vector{EPERM});
  pipe.write();
  turn(loop);
  EXPECT_EQ(heard.told, std::vector{Ready::read});
  ASSERT_EQ(::dup2(kept.get(), number), number);
}

TEST(FdWatcherTest, WhoPausesIsToldNothingUntilHeWantsItAgain) {
  EventLoop loop;
  const PipeEnds pipe;
  Heard heard;
  FdWatcher watcher(loop, pipe.in.get(), heard);
  watcher.want(Ready::read);
  pipe.write();
  watcher.want(Ready::none);
  EXPECT_EQ(watcher.wanted(), Ready::none);
  turn(loop);
  turn(loop);
  EXPECT_TRUE(heard.told.empty());
  EXPECT_FALSE(watcher.has_pending_event());
  watcher.want(Ready::read);
  turn(loop);
  EXPECT_EQ(heard.told, std::vector{Ready::read});
}

TEST(FdWatcherTest, APauseWithoutAnEventIsOverAtOnce) {
  EventLoop loop;
  const PipeEnds pipe;
  Heard heard;
  FdWatcher watcher(loop, pipe.in.get(), heard);
  for (int round = 0; round < 3; ++round) {
    watcher.want(Ready::read);
    turn(loop);
    watcher.want(Ready::none);
    turn(loop);
  }
  watcher.want(Ready::read);
  pipe.write();
  turn(loop);
  EXPECT_EQ(heard.told, std::vector{Ready::read});
}

TEST(FdWatcherTest, APeerThatGoesDuringAPauseIsNotToldOverAndOver) {
  EventLoop loop;
  PipeEnds pipe;
  Heard heard;
  FdWatcher watcher(loop, pipe.in.get(), heard);
  watcher.want(Ready::read);
  watcher.want(Ready::none);
  pipe.out.reset();
  turn(loop);
  EXPECT_TRUE(heard.told.empty());
  std::array<epoll_event, 1> events{};
  const int set = uv_backend_fd(loop.raw());
  EXPECT_EQ(::epoll_wait(set, events.data(), 1, 0), 0) << "epoll no longer watches it";
  watcher.want(Ready::read);
  turn(loop);
  EXPECT_EQ(heard.told, std::vector{Ready::read}) << "the end of the input";
}

TEST(FdWatcherTest, HandlersMayGoWhileTheyAreTold) {
  EventLoop loop;
  const UniqueFd file = regular_file();
  Heard first;
  Heard second;
  auto one = std::make_unique<FdWatcher>(loop, file.get(), first);
  auto two = std::make_unique<FdWatcher>(loop, file.get(), second);
  first.then = [&] {
    one.reset();
    two.reset();
  };
  one->want(Ready::read);
  two->want(Ready::read);
  turn(loop);
  EXPECT_EQ(first.errors, std::vector{EPERM});
  EXPECT_TRUE(second.errors.empty());
}

TEST(FdWatcherTest, WhoTriesAgainFromWithinDoesNotHoldUpTheLoop) {
  EventLoop loop;
  const UniqueFd file = regular_file();
  Heard heard;
  FdWatcher watcher(loop, file.get(), heard);
  heard.then = [&] { watcher.want(Ready::read); };
  watcher.want(Ready::read);
  for (std::size_t round = 1; round <= 3; ++round) {
    turn(loop);
    EXPECT_EQ(heard.errors.size(), round);
  }
}

class Read final : public ReadWatcher::Handler {
 public:
  explicit Read(EventLoop& loop) : loop_(loop) {}
  void on_readable() override { loop_.stop(); }

 private:
  EventLoop& loop_;
};

TEST(ReadWatcherTest, TriesAgainUntilItIsWatched) {
  EventLoop loop;
  const PipeEnds pipe;
  const UniqueFd number = regular_file();
  Read read(loop);
  const ReadWatcher watcher(loop, number.get(), read);
  turn(loop);
  pipe.write();
  ASSERT_EQ(::dup2(pipe.in.get(), number.get()), number.get());
  loop.run();  // ends when the handler is called
}

}  // namespace
}  // namespace bonedry::io
