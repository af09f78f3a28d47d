#pragma once

#include "proxy/base/clock.h"
#include "proxy/io/readiness.h"
#include "proxy/io/timer_wheel.h"

#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace bonedry::io {

/// Something that may have to go while its own callback is still on the stack.
class Retirable {
 public:
  virtual ~Retirable() = default;
};

/// One thread's libuv loop, with its timers and the place where retired objects wait for the end
/// of the round. Used from its own thread only; a Mailbox reaches it from others.
class EventLoop {
 public:
  /// Throws std::system_error when there is no descriptor or memory for it; nothing throws later
  /// but the callbacks of others.
  EventLoop();
  /// Everything that uses the loop must be gone or retired.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until `stop`.
  void run();
  void stop() { uv_stop(&loop_); }

  /// As of the event that is being handled, at most `kCoarse` older. Never goes back. Not the start
  /// of the round, as uv_now() alone would be: that may have been held up for long. Timers are
  /// armed from the time at which they are armed.
  [[nodiscard]] Instant now() const {
    return std::max(now_, Instant{static_cast<std::int64_t>(uv_now(&loop_))});
  }
  [[nodiscard]] TimerWheel& timers() { return timers_; }
  [[nodiscard]] Readiness& readiness() { return readiness_; }
  [[nodiscard]] uv_loop_t* raw() { return &loop_; }

  /// Frees the object before the loop polls again. The caller has stopped its events.
  void retire(std::unique_ptr<Retirable> object) { retired_.push_back(std::move(object)); }
  /// Frees what is retired. Runs by itself before each poll.
  void collect();
  /// Calls `hook` before each poll, when no callback is on the stack.
  void on_round_end(std::function<void()> hook) { round_end_ = std::move(hook); }

 private:
  static void on_tick(uv_timer_t* timer);
  static void on_prepare(uv_prepare_t* prepare);
  void fire_timers();

  uv_loop_t loop_{};
  Instant now_ = coarse_now();
  uv_timer_t tick_{};
  uv_prepare_t prepare_{};
  int rounds_put_off_ = 0;
  TimerWheel timers_;
  Readiness readiness_;
  std::vector<std::unique_ptr<Retirable>> retired_;
  std::function<void()> round_end_;
};

}  // namespace bonedry::io
