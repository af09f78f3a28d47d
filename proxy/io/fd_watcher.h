#pragma once

#include "proxy/io/event_loop.h"

#include <cstdint>

namespace bonedry::io {

/// What a file descriptor is ready for, or wanted for.
/// `errors`: wanted alone, by who neither reads nor writes, but is to know when the peer breaks
/// off.
enum class Ready : std::uint8_t { none = 0, read = 1, write = 2, both = 3, errors = 4 };

constexpr Ready operator|(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(Ready set, Ready part) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(part)) == static_cast<unsigned>(part);
}

/// Tells its handler when a file descriptor is ready, level-triggered. May be destroyed within the
/// handler's own call; the descriptor may be closed right after.
class FdWatcher {
 public:
  class Handler {
   public:
    /// An error on the descriptor is told as ready for both: reading or writing then gives it.
    virtual void on_ready(Ready ready) = 0;
    /// The kernel does not watch the descriptor as was wanted last (`error`: ENOMEM, ENOSPC, EPERM,
    /// …), so that `on_ready` may never be called. Told before the loop polls again, never from
    /// inside `want`. Wanting once more tries once more.
    virtual void on_watch_failed(int error) = 0;

   protected:
    ~Handler() = default;
  };

  /// `fd` is non-blocking and stays open for as long as this lives.
  FdWatcher(EventLoop& loop, int fd, Handler& handler);
  /// Nothing is wanted before `set_handler`.
  FdWatcher(EventLoop& loop, int fd);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  void set_handler(Handler& handler) { handler_ = &handler; }

  /// A change costs a system call, so it is made only when it is one. One that fails changes
  /// nothing, and the handler will be told.
  void want(Ready events) {
    if (events != wanted_ || error_ != 0) ask(events);
  }
  /// What the descriptor is watched for.
  [[nodiscard]] Ready wanted() const { return wanted_; }
  /// Whether something has happened in this round of the loop that the handler will be told yet.
  [[nodiscard]] bool has_pending_event() const { return has_pending_event_; }

 private:
  friend class Readiness;
  void note_pending_event() { has_pending_event_ = true; }
  void on_events(std::uint32_t events);
  void tell_watch_failed();
  void ask(Ready events);
  void settle(Ready events, int error);

  Readiness& readiness_;
  const int fd_;
  Handler* handler_;
  Ready wanted_ = Ready::none;
  bool has_pending_event_ = false;
  int error_ = 0;  // of what was wanted last, while the handler is still to be told
};

}  // namespace bonedry::io
