#pragma once

#include "proxy/base/clock.h"

#include <uv.h>

#include <functional>
#include <memory>

namespace bonedry::demo {

/// Closes a libuv handle, whose memory must outlive the close, and frees it afterwards.
template <class T>
struct UvClose {
  void operator()(T* handle) const {
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<T*>(closed); });
  }
};

/// Owns a libuv handle. May be destroyed at any time, even inside the handle's own callback.
template <class T>
using UvPtr = std::unique_ptr<T, UvClose<T>>;

/// The one event loop of a demo program, which runs on this loop's thread only. All objects made on
/// the loop must be destroyed before it.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] uv_loop_t* get() { return &loop_; }
  [[nodiscard]] Instant now() const { return clock_.now(); }

  /// Handles events until nothing is left to wait for.
  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }

  /// Handles events until `condition` holds or `limit` has passed; returns whether it holds. Must
  /// not be called from inside a callback. Callbacks must not throw, because libuv is C;
  /// `condition` may throw.
  bool run_until(const std::function<bool()>& condition, Millis limit);

 private:
  SystemClock clock_;
  uv_loop_t loop_{};
};

/// Calls a function once or repeatedly. Its destruction cancels it.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> callback);

  /// Both replace whatever was started before.
  void start_once(Millis delay);
  void start_repeating(Millis interval);
  void stop();

 private:
  static void on_expiry(uv_timer_t* handle);

  std::function<void()> callback_;
  UvPtr<uv_timer_t> handle_;
};

/// Remembers whether SIGINT, SIGTERM or SIGHUP was received.
class TerminationSignals {
 public:
  explicit TerminationSignals(Loop& loop);

  [[nodiscard]] bool received() const { return received_; }

 private:
  void watch(Loop& loop, UvPtr<uv_signal_t>& handle, int number);

  bool received_ = false;
  UvPtr<uv_signal_t> interrupt_;
  UvPtr<uv_signal_t> terminate_;
  UvPtr<uv_signal_t> hang_up_;
};

}  // namespace bonedry::demo
