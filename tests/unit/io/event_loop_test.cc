#include "proxy/io/event_loop.h"

#include "proxy/base/unique_fd.h"
#include "proxy/io/fd_watcher.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bonedry::io {
namespace {

/// Runs `then` once, at a time unrelated to the ticks of the loop's timer wheel.
class LibuvTimer {
 public:
  LibuvTimer(EventLoop& loop, std::function<void()> then) : then_(std::move(then)) {
    uv_timer_init(loop.raw(), &timer_);
    timer_.data = this;
  }
  void start(Millis delay) {
    uv_timer_start(
        &timer_, [](uv_timer_t* timer) { static_cast<LibuvTimer*>(timer->data)->then_(); },
        static_cast<std::uint64_t>(delay.count()), 0);
  }
  void close() { uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr); }

 private:
  uv_timer_t timer_{};
  std::function<void()> then_;
};

/// The other end of a connection that the loop watches.
class Peer final : private FdWatcher::Handler {
 public:
  Peer(EventLoop& loop, int& heard) : heard_(heard) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0) std::abort();
    ours_.reset(ends[0]);
    theirs_.reset(ends[1]);
    watcher_.emplace(loop, ours_.get(), static_cast<FdWatcher::Handler&>(*this));
    watcher_->want(Ready::read);
  }
  void speak() const { EXPECT_EQ(::write(theirs_.get(), "x", 1), 1); }

 private:
  void on_ready(Ready /*ready*/) override {
    char byte = 0;
    if (::read(ours_.get(), &byte, 1) == 1) ++heard_;
  }
  void on_watch_failed(int /*error*/) override { ADD_FAILURE(); }

  int& heard_;
  UniqueFd ours_;
  UniqueFd theirs_;
  std::optional<FdWatcher> watcher_;
};

TEST(EventLoopTest, ATimerArmedLongAfterATickIsNotEarly) {
  for (int phase = 0; phase < 8; ++phase) {
    std::this_thread::sleep_for(Millis{7});  // shifts the ticks relative to the clock each time
    EventLoop loop;
    std::optional<Instant> armed;
    std::optional<Instant> fired;
    Timer timer(loop.timers(), [&] {
      fired = loop.now();
      loop.stop();
    });
    LibuvTimer between(loop, [&] {
      armed = loop.now();
      timer.arm(Millis{20});
    });
    Timer tick(loop.timers(), [&] { between.start(TimerWheel::kTick - Millis{5}); });
    tick.arm(Millis{0});
    loop.run();
    between.close();
    ASSERT_TRUE(armed && fired);
    EXPECT_GE(*fired - *armed, Millis{20});
  }
}

/// Blocks the thread for longer than a peer's time-out, as SIGSTOP does.
void hold_up() {
  std::this_thread::sleep_for(Millis{400});
}

TEST(EventLoopTest, ATimerArmedInARoundThatWasHeldUpIsNotEarly) {
  EventLoop loop;
  using Stopwatch = std::chrono::steady_clock;
  Stopwatch::time_point armed;
  Stopwatch::duration took{};
  Timer timer(loop.timers(), [&] {
    took = Stopwatch::now() - armed;
    loop.stop();
  });
  Timer held_up(loop.timers(), [&] {
    hold_up();
    armed = Stopwatch::now();
    timer.arm(Millis{200});
  });
  held_up.arm(Millis{0});
  loop.run();
  EXPECT_GE(took, Millis{200});
}

TEST(EventLoopTest, WhatCameWhileItWasHeldUpIsHeardBeforeTimeOuts) {
  EventLoop loop;
  // More than one event loop iteration handles.
  constexpr int kPeers = 400;
  std::vector<std::unique_ptr<Peer>> peers;
  int heard = 0;
  int heard_in_time = -1;
  for (int i = 0; i < kPeers; ++i) peers.push_back(std::make_unique<Peer>(loop, heard));
  Timer time_out(loop.timers(), [&] {
    heard_in_time = heard;
    loop.stop();
  });
  Timer held_up(loop.timers(), [&] {
    for (const auto& peer : peers) peer->speak();
    hold_up();
  });
  time_out.arm(Millis{250});
  held_up.arm(Millis{0});
  loop.run();
  EXPECT_EQ(heard_in_time, kPeers);
  peers.clear();
}

TEST(EventLoopTest, AnExceptionThatTakesItApartEndsThoughAHandleIsOpen) {
  const auto forgotten = std::make_unique<uv_timer_t>();  // its owner could not close it
  const auto run = [&forgotten] {
    EventLoop loop;
    uv_timer_init(loop.raw(), forgotten.get());
    uv_timer_start(
        forgotten.get(), [](uv_timer_t*) {}, 1, 1);
    throw std::runtime_error("the disk is full");
  };
  // In a separate process, as intended: the process takes the open handle with it.
  const auto end = [&run] {
    try {
      run();
    } catch (const std::runtime_error&) {
      ::_exit(3);
    }
  };
  EXPECT_EXIT(end(), testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace bonedry::io
