#include "proxy/io/event_loop.h"

#include "proxy/io/deferred.h"

#include <cassert>
#include <exception>
#include <system_error>

namespace bonedry::io {
namespace {

// Close callbacks come within an iteration or two. The limit is for a handle that nobody closes.
constexpr int kRounds = 100;

// A thread delayed for longer than this (a stopped process, a busy machine) handles the events of
// its peers before it fires timers.
constexpr Millis kDelayed = 4 * TimerWheel::kTick;
// The most loop iterations it does so: at 256 events each, enough for 10,000 connections.
constexpr int kMaxPostponedIterations = 40;

uv_loop_t& start(uv_loop_t& loop) {
  if (const int error = uv_loop_init(&loop); error != 0) {
    throw std::system_error(-error, std::generic_category(), "uv_loop_init");
  }
  return loop;
}

}  // namespace

EventLoop::EventLoop()
    // Counts from slightly after now, never from before it, so that no timer fires early.
    : timers_([] { return coarse_now() + kCoarse; }), readiness_(start(loop_), now_) {
  // Starting a timer or a prepare hook needs no resources, so it cannot fail.
  const auto period = static_cast<std::uint64_t>(TimerWheel::kTick.count());
  uv_timer_init(&loop_, &tick_);
  tick_.data = this;
  uv_timer_start(&tick_, on_tick, period, period);
  uv_prepare_init(&loop_, &prepare_);
  uv_idle_init(&loop_, &idle_);
  idle_.data = this;
  prepare_.data = this;
  uv_prepare_start(&prepare_, on_prepare);
}

EventLoop::~EventLoop() {
  // During an exception, handles of others may still be open, or already freed without a close, so
  // running the loop might never end. The process ends anyway.
  if (std::uncaught_exceptions() > 0) return;
  iteration_end_hook_ = nullptr;  // its owner is already destroyed
  collect();
  readiness_.close();
  uv_close(reinterpret_cast<uv_handle_t*>(&tick_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
  for (int round = 0; round < kRounds && uv_run(&loop_, UV_RUN_NOWAIT) != 0; ++round) collect();
  collect();
  [[maybe_unused]] const int still_used = uv_loop_close(&loop_);
  assert(still_used == 0);
}

void EventLoop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
}

/// Ends the wait for events, and tells how late the loop is; due timers fire in `fire_timers`.
void EventLoop::on_tick(uv_timer_t* timer) {
  constexpr std::uint64_t kNanos = 1'000'000;
  static_cast<EventLoop*>(timer->data)
      ->lag_.note({static_cast<std::int64_t>(uv_hrtime() / kNanos)});
}

/// Runs after the events of one loop iteration and before the wait for the next ones.
void EventLoop::on_prepare(uv_prepare_t* prepare) {
  auto& self = *static_cast<EventLoop*>(prepare->data);
  self.fire_timers();
  self.readiness_.report_watch_failed();
  if (self.iteration_end_hook_) self.iteration_end_hook_();
  self.collect();
}

void EventLoop::schedule(Deferred& deferred) {
  if (deferred_.empty()) uv_idle_start(&idle_, on_idle);
  deferred.scheduled_ = true;
  deferred.index_ = deferred_.size();
  deferred_.push_back(&deferred);
}

void EventLoop::cancel(Deferred& deferred) {
  deferred.scheduled_ = false;
  const std::size_t index = deferred.index_;
  const bool later = index < deferred_.size() && deferred_[index] == &deferred;
  (later ? deferred_ : due_)[index] = nullptr;
}

/// What is deferred within these callbacks waits for the next iteration, so that events and timers
/// get their turn.
void EventLoop::on_idle(uv_idle_t* idle) {
  auto& self = *static_cast<EventLoop*>(idle->data);
  uv_idle_stop(idle);
  self.due_.swap(self.deferred_);
  for (std::size_t index = 0; index < self.due_.size(); ++index) {
    Deferred* const deferred = self.due_[index];
    if (deferred == nullptr) continue;
    self.due_[index] = nullptr;
    deferred->scheduled_ = false;
    self.now_ = coarse_now();
    deferred->callback_();
  }
  self.due_.clear();
}

/// Runs after the events of an iteration, not before them: a request that arrived while the thread
/// was delayed is handled before its time-out can fire.
void EventLoop::fire_timers() {
  // libuv has just read the clock (see `now`): at the start of the iteration or, since 1.45, at its
  // end. Few iterations contain a tick; in the others the clock is not read again.
  if (timers_.lag(now()) < TimerWheel::kTick) return;
  now_ = coarse_now();
  const bool unheard = readiness_.more_waits() && timers_.lag(now_) > kDelayed;
  if (unheard && postponed_iterations_ < kMaxPostponedIterations) {
    ++postponed_iterations_;
    return;
  }
  postponed_iterations_ = 0;
  timers_.advance(now_);
}

void EventLoop::collect() {
  while (!retired_.empty()) {
    auto objects = std::move(retired_);  // a destructor may retire more objects
    retired_.clear();
    objects.clear();
  }
}

}  // namespace bonedry::io
