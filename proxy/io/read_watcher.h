#pragma once

#include "proxy/io/event_loop.h"
#include "proxy/io/fd_watcher.h"
#include "proxy/io/timer_wheel.h"

namespace bonedry::io {

/// Notifies its handler when a descriptor that the process cannot do without, such as that of its
/// signals, is readable. While the kernel refuses to watch it, tries again until it succeeds. May
/// be destroyed within the handler's own call. Loop's thread.
class ReadWatcher final : private FdWatcher::Handler {
 public:
  class Handler {
   public:
    /// Data, the end of file or an error can be read.
    virtual void on_readable() = 0;
    /// Called once after `await_room`, see there.
    virtual void on_room() {}

   protected:
    ~Handler() = default;
  };

  /// `fd` must be non-blocking and stay open as long as this exists.
  ReadWatcher(EventLoop& loop, int fd, Handler& handler);
  /// Calls the handler's `on_room` once, when a write would not block: it would succeed or fail.
  void await_room();

 private:
  void on_ready(Ready ready) override;
  void on_watch_failed(int error) override;

  Handler& handler_;
  Ready wanted_ = Ready::read;
  FdWatcher watcher_;
  Timer again_;
};

}  // namespace bonedry::io
