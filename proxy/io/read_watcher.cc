#include "proxy/io/read_watcher.h"

namespace bonedry::io {
namespace {

constexpr Millis kAgain{100};

}  // namespace

ReadWatcher::ReadWatcher(EventLoop& loop, int fd, Handler& handler)
    : handler_(handler),
      watcher_(loop, fd, *this),
      again_(loop.timers(), [this] { watcher_.want(Ready::read); }) {
  watcher_.want(Ready::read);
}

void ReadWatcher::on_ready(Ready /*ready*/) {
  handler_.on_readable();
}

void ReadWatcher::on_unwatched(int /*error*/) {
  again_.arm(kAgain);
}

}  // namespace bonedry::io
