#pragma once

#include "proxy/io/event_loop.h"

#include <cstddef>
#include <functional>
#include <utility>

namespace bonedry::io {

/// A callback for the next loop iteration, which then does not wait for events. For work that no
/// file descriptor announces. Loop's thread.
class Deferred {
 public:
  /// `callback` may destroy this.
  Deferred(EventLoop& loop, std::function<void()> callback)
      : loop_(loop), callback_(std::move(callback)) {}
  ~Deferred() { cancel(); }
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  /// Calls back once; no effect if that is scheduled already.
  void schedule() {
    if (!scheduled_) loop_.schedule(*this);
  }
  void cancel() {
    if (scheduled_) loop_.cancel(*this);
  }
  [[nodiscard]] bool scheduled() const { return scheduled_; }

 private:
  friend class EventLoop;

  EventLoop& loop_;
  std::function<void()> callback_;
  bool scheduled_ = false;
  std::size_t index_ = 0;  // in the loop's list
};

}  // namespace bonedry::io
