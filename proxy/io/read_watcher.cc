#include "proxy/io/read_watcher.h"

namespace bonedry::io {
namespace {

constexpr Millis kAgain{100};

}  // namespace

ReadWatcher::ReadWatcher(EventLoop& loop, int fd, Handler& handler)
    : handler_(handler),
      watcher_(loop, fd, *this),
      again_(loop.timers(), [this] { watcher_.want(wanted_); }) {
  watcher_.want(wanted_);
}

void ReadWatcher::await_room() {
  wanted_ = Ready::both;
  watcher_.want(wanted_);
}

/// Makes only one call, since the handler may destroy this within it; the other event comes with
/// the next loop iteration.
void ReadWatcher::on_ready(Ready ready) {
  if (!has(ready, Ready::write) || wanted_ != Ready::both) return handler_.on_readable();
  wanted_ = Ready::read;
  watcher_.want(wanted_);
  handler_.on_room();
}

void ReadWatcher::on_watch_failed(int /*error*/) {
  again_.arm(kAgain);
}

}  // namespace bonedry::io
