#include "proxy/io/readiness.h"

#include "proxy/io/fd_watcher.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

namespace bonedry::io {

Readiness::Readiness(uv_loop_t& loop, Instant& now)
    : now_(now), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.is_open()) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  if (const int error = uv_poll_init(&loop, &poll_, epoll_.get()); error != 0) {
    throw std::system_error(-error, std::generic_category(), "uv_poll_init");
  }
  poll_.data = this;
  if (const int error = uv_poll_start(&poll_, UV_READABLE, on_poll); error != 0) {
    throw std::system_error(-error, std::generic_category(), "uv_poll_start");
  }
}

void Readiness::close() {
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
}

int Readiness::control(int operation, int fd, std::uint32_t events, FdWatcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
}

int Readiness::add(int fd, std::uint32_t events, FdWatcher& watcher) {
  return control(EPOLL_CTL_ADD, fd, events, watcher);
}

int Readiness::change(int fd, std::uint32_t events, FdWatcher& watcher) {
  return control(EPOLL_CTL_MOD, fd, events, watcher);
}

void Readiness::remove(int fd, const FdWatcher& watcher) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (epoll_event& event : pending_) {
    if (event.data.ptr == &watcher) event.data.ptr = nullptr;
  }
}

void Readiness::forget_watch_failed(const FdWatcher& watcher) {
  std::ranges::replace(failed_watches_, &watcher, nullptr);
}

void Readiness::report_watch_failed() {
  // Failures that these handlers cause are reported in the next iteration: a tick later at most.
  const std::size_t count = failed_watches_.size();
  for (std::size_t index = 0; index < count; ++index) {
    FdWatcher* const watcher = std::exchange(failed_watches_[index], nullptr);
    if (watcher != nullptr) watcher->report_watch_failed();
  }
  failed_watches_.erase(failed_watches_.begin(),
                        failed_watches_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Readiness::on_poll(uv_poll_t* poll, int /*status*/, int /*events*/) {
  static_cast<Readiness*>(poll->data)->collect();
}

void Readiness::collect() {
  const int count = epoll_wait(epoll_.get(), events_.data(), int{kMaxEvents}, 0);
  more_waits_ = count == int{kMaxEvents};
  if (count <= 0) return;  // perhaps interrupted; ready descriptors stay ready
  pending_ = std::span(events_).first(static_cast<std::size_t>(count));
  for (const epoll_event& event : pending_)
    static_cast<FdWatcher*>(event.data.ptr)->note_pending_event();
  while (!pending_.empty()) {
    const epoll_event event = pending_.front();
    pending_ = pending_.subspan(1);
    if (event.data.ptr == nullptr) continue;
    now_ = coarse_now();
    static_cast<FdWatcher*>(event.data.ptr)->on_events(event.events);
  }
}

}  // namespace bonedry::io
