#pragma once

#include "proxy/base/clock.h"
#include "proxy/io/loop_lag.h"
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

class Deferred;

/// An object that may have to be destroyed while its own callback is still on the stack.
class Retirable {
 public:
  virtual ~Retirable() = default;
};

/// One thread's libuv loop with its timers and its retired objects, which it frees at the end of
/// each loop iteration. Used from its own thread only; other threads reach it through a Mailbox.
class EventLoop {
 public:
  /// Throws std::system_error when no file descriptor or memory is available. Afterwards only
  /// callbacks can throw.
  EventLoop();
  /// Everything that uses the loop must be destroyed or retired first.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until `stop`.
  void run();
  void stop() { uv_stop(&loop_); }

  /// The time of the event that is being handled, at most `kCoarse` behind; never goes back.
  /// uv_now() alone would be the start of the loop iteration, which may be long ago. Timers count
  /// from the moment at which they are armed, not from this time.
  [[nodiscard]] Instant now() const {
    return std::max(now_, Instant{static_cast<std::int64_t>(uv_now(&loop_))});
  }
  [[nodiscard]] TimerWheel& timers() { return timers_; }
  /// Any thread may ask it.
  [[nodiscard]] const LoopLag& lag() const { return lag_; }
  [[nodiscard]] Readiness& readiness() { return readiness_; }
  [[nodiscard]] uv_loop_t* raw() { return &loop_; }

  /// Frees the object before the loop polls again. The caller must have stopped its events.
  void retire(std::unique_ptr<Retirable> object) { retired_.push_back(std::move(object)); }
  /// Frees the retired objects. Called automatically before each poll.
  void collect();
  /// Calls `hook` before each poll, when no callback is on the stack.
  void on_iteration_end(std::function<void()> hook) { iteration_end_hook_ = std::move(hook); }

  /// Used by Deferred.
  void schedule(Deferred& deferred);
  void cancel(Deferred& deferred);

 private:
  static void on_tick(uv_timer_t* timer);
  static void on_prepare(uv_prepare_t* prepare);
  static void on_idle(uv_idle_t* idle);
  void fire_timers();

  uv_loop_t loop_{};
  Instant now_ = coarse_now();
  uv_timer_t tick_{};
  uv_prepare_t prepare_{};
  uv_idle_t idle_{};  // active while something is deferred, so that the loop does not wait
  int postponed_iterations_ = 0;
  LoopLag lag_{TimerWheel::kTick};
  TimerWheel timers_;
  Readiness readiness_;
  std::vector<Deferred*> deferred_;  // null: cancelled
  std::vector<Deferred*> due_;       // those of this iteration
  std::vector<std::unique_ptr<Retirable>> retired_;
  std::function<void()> iteration_end_hook_;
};

}  // namespace bonedry::io
