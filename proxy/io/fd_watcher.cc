#include "proxy/io/fd_watcher.h"

#include <sys/epoll.h>

#include <utility>

namespace bonedry::io {

FdWatcher::FdWatcher(EventLoop& loop, int fd, Handler& handler)
    : readiness_(loop.readiness()), fd_(fd), handler_(&handler) {}

FdWatcher::FdWatcher(EventLoop& loop, int fd)
    : readiness_(loop.readiness()), fd_(fd), handler_(nullptr) {}

FdWatcher::~FdWatcher() {
  if (error_ != 0) readiness_.forget_watch_failed(*this);
  if (watched_ != Ready::none) readiness_.remove(fd_, *this);
}

void FdWatcher::update_watch(Ready events) {
  const bool is_watched = events == watched_ || (events | Ready::read) == watched_;
  if (!is_watched) return note_result(events, watch(events));
  // Who stops reading often goes on before anything comes: epoll is told by the next event.
  if (events == Ready::none) has_pending_event_ = false;
  note_result(events, 0);
}

/// Tells epoll. Returns an errno, or 0.
int FdWatcher::watch(Ready events) {
  int error = 0;
  // epoll always reports errors, so a descriptor that is watched for nothing must leave the epoll
  // set.
  if (events == Ready::none) {
    has_pending_event_ = false;
    readiness_.remove(fd_, *this);
  } else {
    std::uint32_t mask = 0;
    if (has(events, Ready::read)) mask |= EPOLLIN;
    if (has(events, Ready::write)) mask |= EPOLLOUT;
    error = watched_ == Ready::none ? readiness_.add(fd_, mask, *this)
                                    : readiness_.change(fd_, mask, *this);
  }
  if (error == 0) watched_ = events;
  return error;
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
  const Ready ready = ready_for(events);
  // The error would be reported again and again. A handler that still wants to read what came
  // before the error calls `want` again.
  if ((events & EPOLLERR) != 0) {
    note_result(Ready::none, watch(Ready::none));
  } else if (watched_ != wanted_) {
    note_result(wanted_, watch(wanted_));
  }
  if (ready != Ready::none) handler_->on_ready(ready);
}

/// What the handler is told of flags of epoll.
Ready FdWatcher::ready_for(std::uint32_t events) const {
  if (wanted_ == Ready::none) return Ready::none;
  if ((events & EPOLLERR) != 0) return Ready::both;
  if ((events & EPOLLHUP) != 0) return wanted_;
  Ready ready = Ready::none;
  if ((events & EPOLLIN) != 0 && has(wanted_, Ready::read)) ready = ready | Ready::read;
  if ((events & EPOLLOUT) != 0 && has(wanted_, Ready::write)) ready = ready | Ready::write;
  return ready;
}

}  // namespace bonedry::io
