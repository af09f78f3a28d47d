#include "proxy/io/event_loop.h"

#include <cassert>
#include <exception>
#include <system_error>

namespace bonedry::io {
namespace {

// What is closed takes a round or two to say so. A handle that nobody closes would take for ever.
constexpr int kRounds = 100;

uv_loop_t& start(uv_loop_t& loop) {
  if (const int error = uv_loop_init(&loop); error != 0) {
    throw std::system_error(-error, std::generic_category(), "uv_loop_init");
  }
  return loop;
}

}  // namespace

EventLoop::EventLoop()
    : timers_(
          [&loop = start(loop_)] { return Instant{static_cast<std::int64_t>(uv_now(&loop))}; }) {
  // Starting a timer or a hook needs nothing that could be wanting.
  const auto period = static_cast<std::uint64_t>(TimerWheel::kTick.count());
  uv_timer_init(&loop_, &tick_);
  tick_.data = this;
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

void EventLoop::on_tick(uv_timer_t* timer) {
  auto& self = *static_cast<EventLoop*>(timer->data);
  self.timers_.advance(self.now());
}

void EventLoop::on_prepare(uv_prepare_t* prepare) {
  auto& self = *static_cast<EventLoop*>(prepare->data);
  self.readiness_.tell_unwatched();
  if (self.round_end_) self.round_end_();
  self.collect();
}

void EventLoop::collect() {
  while (!retired_.empty()) {
    auto objects = std::move(retired_);  // a destructor may retire others
    retired_.clear();
    objects.clear();
  }
}

}  // namespace bonedry::io
