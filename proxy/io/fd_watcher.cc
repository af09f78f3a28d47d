#include "proxy/io/fd_watcher.h"

#include <sys/epoll.h>

#include <utility>

namespace bonedry::io {

FdWatcher::FdWatcher(EventLoop& loop, int fd, Handler& handler)
    : readiness_(loop.readiness()), fd_(fd), handler_(&handler) {}

FdWatcher::FdWatcher(EventLoop& loop, int fd)
    : readiness_(loop.readiness()), fd_(fd), handler_(nullptr) {}

FdWatcher::~FdWatcher() {
  want(Ready::none);
}

void FdWatcher::update_watch(Ready events) {
  if (events == wanted_) return note_result(events, 0);
  // epoll always reports errors, so a descriptor that is watched for nothing must leave the epoll
  // set.
  if (events == Ready::none) {
    has_pending_event_ = false;
    readiness_.remove(fd_, *this);
    return note_result(events, 0);
  }
  std::uint32_t mask = 0;
  if (has(events, Ready::read)) mask |= EPOLLIN;
  if (has(events, Ready::write)) mask |= EPOLLOUT;
  note_result(events, wanted_ == Ready::none ? readiness_.add(fd_, mask, *this)
                                             : readiness_.change(fd_, mask, *this));
}

/// Only the last `want` counts: an earlier failure is forgotten.
void FdWatcher::note_result(Ready events, int error) {
  if (error == 0) wanted_ = events;
  if (error != 0 && error_ == 0) readiness_.note_watch_failed(*this);
  if (error == 0 && error_ != 0) readiness_.forget_watch_failed(*this);
  error_ = error;
}

void FdWatcher::report_watch_failed() {
  handler_->on_watch_failed(std::exchange(error_, 0));
}

void FdWatcher::on_events(std::uint32_t events) {
  has_pending_event_ = false;
  Ready ready = Ready::none;
  if ((events & EPOLLERR) != 0) {
    // The error would be reported again and again. A handler that still wants to read what came
    // before the error calls `want` again.
    want(Ready::none);
    ready = Ready::both;
  } else if ((events & EPOLLHUP) != 0) {
    ready = wanted_;
  } else {
    if ((events & EPOLLIN) != 0) ready = ready | Ready::read;
    if ((events & EPOLLOUT) != 0) ready = ready | Ready::write;
  }
  handler_->on_ready(ready);
}

}  // namespace bonedry::io
