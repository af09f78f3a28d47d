#include "proxy/io/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

namespace bonedry::io {
namespace {

/// Runs `then` once, at a moment that has nothing to do with the ticks of the loop's wheel.
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

TEST(EventLoopTest, ATimerArmedLongAfterATickIsNotEarly) {
  for (int phase = 0; phase < 8; ++phase) {
    std::this_thread::sleep_for(Millis{7});  // ticks stand differently to the clock each time
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

TEST(EventLoopTest, AnExceptionThatTakesItApartEndsThoughAHandleIsOpen) {
  const auto forgotten = std::make_unique<uv_timer_t>();  // whoever had it could not close it
  const auto run = [&forgotten] {
    EventLoop loop;
    uv_timer_init(loop.raw(), forgotten.get());
    uv_timer_start(
        forgotten.get(), [](uv_timer_t*) {}, 1, 1);
    throw std::runtime_error("the disk is full");
  };
  // In a process of its own, as it is meant: what is still open goes with the process.
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
