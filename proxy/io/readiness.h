#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/unique_fd.h"

#include <sys/epoll.h>
#include <uv.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace bonedry::io {

class FdWatcher;

/// The file descriptors of one loop: an epoll set of our own, which libuv watches as a whole. One
/// uv_poll_t per descriptor costs seven system calls in the life of a connection; this costs two.
class Readiness {
 public:
  /// `loop` and `now` must outlive this; `now` is set to the time of each event before it is
  /// delivered. Throws std::system_error when no file descriptor or memory is available; nothing
  /// throws later.
  Readiness(uv_loop_t& loop, Instant& now);
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  /// Call before the loop closes, when no watcher is left.
  void close();

  /// `events`: flags of epoll(7). Returns 0, or an errno if the descriptor is watched only as
  /// before: no memory, no watch left for the user, or a regular file.
  [[nodiscard]] int add(int fd, std::uint32_t events, FdWatcher& watcher);
  [[nodiscard]] int change(int fd, std::uint32_t events, FdWatcher& watcher);
  /// No event is delivered any more, not even one already collected in this loop iteration.
  void remove(int fd, const FdWatcher& watcher);

  /// Whether more descriptors may be ready than this loop iteration has handled.
  [[nodiscard]] bool more_waits() const { return more_waits_; }

  /// Notes that the watcher's handler must be notified of a failed `want`.
  void note_watch_failed(FdWatcher& watcher) { failed_watches_.push_back(&watcher); }
  void forget_watch_failed(const FdWatcher& watcher);
  /// Notifies the handlers of the noted watchers. Called once per loop iteration, when no callback
  /// is on the stack.
  void report_watch_failed();

 private:
  /// Events per loop iteration; more wait for the next one, so that timers and mailboxes get their
  /// turn.
  static constexpr std::size_t kMaxEvents = 256;

  static void on_poll(uv_poll_t* poll, int status, int events);
  void collect();
  [[nodiscard]] int control(int operation, int fd, std::uint32_t events, FdWatcher& watcher);

  Instant& now_;
  UniqueFd epoll_;
  uv_poll_t poll_{};
  std::array<epoll_event, kMaxEvents> events_{};
  std::span<epoll_event> pending_;
  bool more_waits_ = false;
  std::vector<FdWatcher*> failed_watches_;  // null: destroyed, or watched after all
};

}  // namespace bonedry::io
