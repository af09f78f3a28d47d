#pragma once

#include "proxy/io/event_loop.h"
#include "proxy/io/fd_watcher.h"
#include "proxy/io/timer_wheel.h"

namespace bonedry::io {

/// Tells its handler when there is something to read from a descriptor that the process cannot do
/// without, such as its signals: while the kernel does not watch it, that is tried again and again.
/// May be destroyed within the handler's own call. Loop's thread.
class ReadWatcher final : private FdWatcher::Handler {
 public:
  class Handler {
   public:
    /// Something, the end or an error can be read.
    virtual void on_readable() = 0;
    /// What `await_room` waited for.
    virtual void on_room() {}

   protected:
    ~Handler() = default;
  };

  /// `fd` is non-blocking and stays open for as long as this lives.
  ReadWatcher(EventLoop& loop, int fd, Handler& handler);
  /// Tells the handler, once, when something can be written, or would fail at once.
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
