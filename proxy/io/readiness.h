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

/// The descriptors of one loop: an epoll set of our own, which libuv watches as a whole. A
/// uv_poll_t for each costs seven system calls in the life of a connection; this costs two.
class Readiness {
 public:
  /// `loop` and `now` must outlive this; `now` becomes the time as of each event before it is told.
  /// Throws std::system_error when there is no descriptor or memory for it; nothing throws later.
  Readiness(uv_loop_t& loop, Instant& now);
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  /// Before the loop closes. No watcher is left.
  void close();

  /// `events`: as epoll(7) has them. Returns 0, or the errno of a descriptor that is watched no
  /// further than before: there is no memory, the user has no watch left, it is a regular file.
  [[nodiscard]] int add(int fd, std::uint32_t events, FdWatcher& watcher);
  [[nodiscard]] int change(int fd, std::uint32_t events, FdWatcher& watcher);
  /// Nothing is told any more, not even what has been collected in this round.
  void remove(int fd, const FdWatcher& watcher);

  /// Whether more descriptors were ready in this round than it has handled.
  [[nodiscard]] bool more_waits() const { return more_waits_; }

  /// Its handler is to be told that the descriptor is not watched as it wants.
  void note_watch_failed(FdWatcher& watcher) { failed_watches_.push_back(&watcher); }
  void forget_watch_failed(const FdWatcher& watcher);
  /// Tells those who were noted. Once a round, when no callback is on the stack.
  void tell_watch_failed();

 private:
  /// A round; more waits for the next one, so that timers and mailboxes get their turn.
  static constexpr std::size_t kMostEvents = 256;

  static void on_poll(uv_poll_t* poll, int status, int events);
  void collect();
  [[nodiscard]] int control(int operation, int fd, std::uint32_t events, FdWatcher& watcher);

  Instant& now_;
  UniqueFd epoll_;
  uv_poll_t poll_{};
  std::array<epoll_event, kMostEvents> events_{};
  std::span<epoll_event> pending_;
  bool more_waits_ = false;
  std::vector<FdWatcher*> failed_watches_;  // null: it has gone, or is watched after all
};

}  // namespace bonedry::io
