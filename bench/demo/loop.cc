#include "bench/demo/loop.h"

#include <csignal>
#include <stdexcept>
#include <utility>

namespace bonedry::demo {
namespace {

void check(int status, const char* what) {
  if (status < 0) throw std::runtime_error(std::string(what) + ": " + uv_strerror(status));
}

std::uint64_t uv_millis(Millis duration) {
  return duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) : 0;
}

}  // namespace

Loop::Loop() {
  check(uv_loop_init(&loop_), "uv_loop_init");
}

Loop::~Loop() {
  uv_run(&loop_, UV_RUN_DEFAULT);  // delivers the close callbacks
  uv_loop_close(&loop_);
}

bool Loop::run_until(const std::function<bool()>& condition, Millis limit) {
  const Instant deadline = now() + limit;
  // Wakes the loop when nothing else does: condition and limit are checked often enough.
  Timer ticker(*this, [] {});
  ticker.start_repeating(Millis{20});
  while (!condition()) {
    if (now() >= deadline) return false;
    uv_run(&loop_, UV_RUN_ONCE);
  }
  return true;
}

Timer::Timer(Loop& loop, std::function<void()> callback)
    : callback_(std::move(callback)), handle_(new uv_timer_t{}) {
  uv_timer_init(loop.get(), handle_.get());
  handle_->data = this;
}

void Timer::on_expiry(uv_timer_t* handle) {
  if (auto* timer = static_cast<Timer*>(handle->data)) timer->callback_();
}

void Timer::start_once(Millis delay) {
  uv_timer_start(handle_.get(), on_expiry, uv_millis(delay), 0);
}

void Timer::start_repeating(Millis interval) {
  uv_timer_start(handle_.get(), on_expiry, uv_millis(interval), uv_millis(interval));
}

void Timer::stop() {
  uv_timer_stop(handle_.get());
}

TerminationSignals::TerminationSignals(Loop& loop) {
  watch(loop, interrupt_, SIGINT);
  watch(loop, terminate_, SIGTERM);
  watch(loop, hang_up_, SIGHUP);
}

void TerminationSignals::watch(Loop& loop, UvPtr<uv_signal_t>& handle, int number) {
  handle.reset(new uv_signal_t{});
  uv_signal_init(loop.get(), handle.get());
  handle->data = this;
  const auto on_signal = [](uv_signal_t* signal, int) {
    if (auto* self = static_cast<TerminationSignals*>(signal->data)) self->received_ = true;
  };
  check(uv_signal_start(handle.get(), on_signal, number), "uv_signal_start");
}

}  // namespace bonedry::demo
