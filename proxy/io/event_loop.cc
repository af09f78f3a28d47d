#include "proxy/io/event_loop.h"

#include <cassert>
#include <exception>
#include <system_error>

namespace bonedry::io {
namespace {

// What is closed takes a round or two to say so. A handle that nobody closes would take for ever.
constexpr int kRounds = 100;

// A thread that was held up for longer (a stopped process, a busy machine) hears its peers first.
constexpr Millis kHeldUp = 4 * TimerWheel::kTick;
// How many rounds it does so at most: at 256 events a round, 10,000 connections have been heard.
constexpr int kRoundsPutOff = 40;

uv_loop_t& start(uv_loop_t& loop) {
  if (const int error = uv_loop_init(&loop); error != 0) {
    throw std::system_error(-error, std::generic_category(), "uv_loop_init");
  }
  return loop;
}

}  // namespace

EventLoop::EventLoop()
    // Counted from later than now rather than from earlier, so that no timer is early.
    : timers_([] { return coarse_now() + kCoarse; }), readiness_(start(loop_), now_) {
  // Starting a timer or a hook needs nothing that could be wanting.
  const auto period = static_cast<std::uint64_t>(TimerWheel::kTick.count());
  uv_timer_init(&loop_, &tick_);
  uv_timer_start(&tick_, on_tick, period, period);
  uv_prepare_init(&loop_, &prepare_);
  prepare_.data = this;
  uv_prepare_start(&prepare_, on_prepare);
}

EventLoop::~EventLoop() {
  // An exception takes everything apart in the middle of a callback: handles of others may still be
  // open, or gone without a word, and to run the loop could never end. The process does.
  if (std::uncaught_exceptions() > 0) return;
  round_end_ = nullptr;  // what it serves is gone already
  collect();
  readiness_.close();
  uv_close(reinterpret_cast<uv_handle_t*>(&tick_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  for (int round = 0; round < kRounds && uv_run(&loop_, UV_RUN_NOWAIT) != 0; ++round) collect();
  collect();
  [[maybe_unused]] const int still_used = uv_loop_close(&loop_);
  assert(still_used == 0);
}

void EventLoop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
}

/// Ends the wait for events; what is due fires in `fire_timers`.
void EventLoop::on_tick(uv_timer_t* /*timer*/) {}

/// Between the events of one round and the wait for those of the next.
void EventLoop::on_prepare(uv_prepare_t* prepare) {
  auto& self = *static_cast<EventLoop*>(prepare->data);
  self.fire_timers();
  self.readiness_.tell_watch_failed();
  if (self.round_end_) self.round_end_();
  self.collect();
}

/// After the events of a round, not before them: a request that came in while the thread was held
/// up is heard before the time-out that it would have come too late for.
void EventLoop::fire_timers() {
  // libuv has just read the clock, see `now`: at the start of the round or, since 1.45, at its end.
  // A round seldom has a tick in it, and then it is not read again.
  if (timers_.lag(now()) < TimerWheel::kTick) return;
  now_ = coarse_now();
  const bool unheard = readiness_.more_waits() && timers_.lag(now_) > kHeldUp;
  if (unheard && rounds_put_off_ < kRoundsPutOff) {
    ++rounds_put_off_;
    return;
  }
  rounds_put_off_ = 0;
  timers_.advance(now_);
}

void EventLoop::collect() {
  while (!retired_.empty()) {
    auto objects = std::move(retired_);  // a destructor may retire others
    retired_.clear();
    objects.clear();
  }
}

}  // namespace bonedry::io
