#pragma once

#include "proxy/io/event_loop.h"

#include <cstdint>

namespace bonedry::io {

/// What a file descriptor is ready for, or is to be watched for. `errors`: used alone, by a watcher
/// that neither reads nor writes but must learn when the peer breaks the connection.
enum class Ready : std::uint8_t { none = 0, read = 1, write = 2, both = 3, errors = 4 };

constexpr Ready operator|(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(Ready set, Ready part) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(part)) == static_cast<unsigned>(part);
}

/// Notifies its handler when a file descriptor is ready, level-triggered. May be destroyed within
/// the handler's own call; the descriptor may be closed right after.
class FdWatcher {
 public:
  class Handler {
   public:
    /// An error on the descriptor is reported as `both`: reading or writing then returns it.
    virtual void on_ready(Ready ready) = 0;
    /// The kernel refused what the last `want` asked for (`error`: ENOMEM, ENOSPC, EPERM, …), so
    /// that `on_ready` may never be called. Called before the loop polls again, never from inside
    /// `want`. Another `want` tries again.
    virtual void on_watch_failed(int error) = 0;

   protected:
    ~Handler() = default;
  };

  /// `fd` must be non-blocking and stay open as long as this exists.
  FdWatcher(EventLoop& loop, int fd, Handler& handler);
  /// `set_handler` must be called before the first `want`.
  FdWatcher(EventLoop& loop, int fd);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  void set_handler(Handler& handler) { handler_ = &handler; }

  /// Sets the events to watch for. Makes a system call only if they differ from the present ones,
  /// and none for an end of reading until something comes. A change that fails changes nothing, and
  /// `on_watch_failed` will be called.
  void want(Ready events) {
    if (events != wanted_ || error_ != 0) update_watch(events);
  }
  /// What the descriptor is watched for.
  [[nodiscard]] Ready wanted() const { return wanted_; }
  /// Whether this loop iteration has an event for the handler that has not been delivered yet.
  [[nodiscard]] bool has_pending_event() const { return has_pending_event_; }

 private:
  friend class Readiness;
  void note_pending_event() { has_pending_event_ = true; }
  void on_events(std::uint32_t events);
  void report_watch_failed();
  [[nodiscard]] Ready ready_for(std::uint32_t events) const;
  void update_watch(Ready events);
  [[nodiscard]] int watch(Ready events);
  void note_result(Ready events, int error);

  Readiness& readiness_;
  const int fd_;
  Handler* handler_;
  Ready wanted_ = Ready::none;
  Ready watched_ = Ready::none;  // what epoll was told
  bool has_pending_event_ = false;
  int error_ = 0;  // of the last `want`, until the handler is notified
};

}  // namespace bonedry::io
