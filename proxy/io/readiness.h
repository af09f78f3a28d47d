#pragma once

#include "proxy/base/unique_fd.h"

#include <sys/epoll.h>
#include <uv.h>

#include <array>
#include <cstdint>
#include <span>

namespace bonedry::io {

class FdWatcher;

/// The descriptors of one loop: an epoll set of our own, which libuv watches as a whole. A
/// uv_poll_t for each costs seven system calls in the life of a connection; this costs two.
class Readiness {
 public:
  /// `loop` must outlive this; a libuv that cannot watch an epoll set throws.
  explicit Readiness(uv_loop_t& loop);
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  /// Before the loop closes. No watcher is left.
  void close();

  /// `events`: as epoll(7) has them.
  void add(int fd, std::uint32_t events, FdWatcher& watcher);
  void change(int fd, std::uint32_t events, FdWatcher& watcher);
  /// Nothing is told any more, not even what has been collected in this round.
  void remove(int fd, const FdWatcher& watcher);

 private:
  /// A round; more waits for the next one, so that timers and mailboxes get their turn.
  static constexpr std::size_t kMostEvents = 256;

  static void on_poll(uv_poll_t* poll, int status, int events);
  void collect();
  void control(int operation, int fd, std::uint32_t events, FdWatcher* watcher);

  UniqueFd epoll_;
  uv_poll_t poll_{};
  std::array<epoll_event, kMostEvents> events_{};
  std::span<epoll_event> pending_;
};

}  // namespace bonedry::io
