#include "proxy/io/fd_watcher.h"

#include <new>

namespace bonedry::io {

FdWatcher::FdWatcher(EventLoop& loop, int fd, Handler& handler)
    : poll_(new uv_poll_t), handler_(handler) {
  if (uv_poll_init(loop.raw(), poll_, fd) != 0) {
    delete poll_;
    throw std::bad_alloc();  // the only failures left are want of memory and a descriptor twice
  }
  poll_->data = this;
}

FdWatcher::~FdWatcher() {
  poll_->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

void FdWatcher::want(Ready events) {
  if (events == wanted_) return;
  wanted_ = events;
  int mask = 0;
  if (has(events, Ready::read)) mask |= UV_READABLE;
  if (has(events, Ready::write)) mask |= UV_WRITABLE;
  if (mask == 0) {
    uv_poll_stop(poll_);
  } else {
    uv_poll_start(poll_, mask, on_poll);
  }
}

void FdWatcher::on_poll(uv_poll_t* poll, int status, int events) {
  auto* const self = static_cast<FdWatcher*>(poll->data);
  if (self == nullptr) return;
  Ready ready = Ready::none;
  if (status < 0) {
    // libuv has stopped polling; whoever still wants to read what came before the error asks again.
    self->wanted_ = Ready::none;
    ready = Ready::both;
  } else {
    if ((events & UV_READABLE) != 0) ready = ready | Ready::read;
    if ((events & UV_WRITABLE) != 0) ready = ready | Ready::write;
  }
  self->handler_.on_ready(ready);
}

}  // namespace bonedry::io
