#pragma once

#include "admin/commands.h"
#include "proxy/base/clock.h"
#include "proxy/base/unique_fd.h"
#include "proxy/io/deferred.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/fd_watcher.h"
#include "proxy/io/timer_wheel.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin {

/// Limits for clients of the admin socket. The defaults are for production; tests use small ones.
struct AdminLimits {
  /// Connections that are open at the same time. A fleet's scripts each hold one while they wait;
  /// more than this means a runaway loop.
  std::size_t connections = 1024;
  /// Connections beyond `connections` that are kept open to receive the error that there are too
  /// many. Any further one is sent the error without waiting and closed.
  std::size_t rejected = 64;
  /// How long a client may take to send its line, and to read more of its response.
  Millis io_timeout = std::chrono::seconds{30};
  /// How long a client may take to notice the end of the response.
  Millis linger = std::chrono::seconds{2};
  /// Unsent bytes at which a client that follows events is dropped: several times all events kept.
  std::size_t max_unsent_bytes = std::size_t{1} << 20U;
};

/// Sends the reason why a client is not served if the socket takes it without blocking.
void turn_away(int fd, std::string_view why);

/// One client of the admin socket: reads one line, runs it, sends the response, closes. A client of
/// HAProxy's commands may have several responses, and then several lines.
///
///      ┌──────────┐ (another line)
///   reading ──> running ──> flushing ──> lingering ──> closed
///      │        ^     v                     ^
///      │        sending (the task goes on)  │
///      └────────────────────────────────────┘ (invalid line)
///
/// Every state goes to closed when the client is gone. A client that has shut down its sending
/// half is still there and gets its response, however long that takes.
///
/// Owned by AdminServer, on the main loop.
class AdminConnection final : public LineClient, private io::FdWatcher::Handler {
 public:
  /// `closed` is called once. The owner then destroys the connection, as soon as no call of it is
  /// on the stack; it must not do so before.
  AdminConnection(io::EventLoop& loop, UniqueFd fd, Commands& commands, const AdminLimits& limits,
                  std::function<void(AdminConnection&)> closed);
  ~AdminConnection() override = default;
  AdminConnection(const AdminConnection&) = delete;
  AdminConnection& operator=(const AdminConnection&) = delete;

  /// Ends the response with an error, unless it is already complete.
  void fail(std::string_view why);
  /// Like `fail`, but not before the first command: one that has not arrived yet is run as usual.
  void fail_if_running(std::string_view why) {
    if (task_) fail(why);
  }
  /// Sends `why` as an error to a client that still waits for its response, and closes.
  void stop(std::string_view why);

  [[nodiscard]] access::Peer peer() const override;
  [[nodiscard]] std::string user_name() const override;
  void write(std::string_view lines) override;
  void finish() override;
  void call_when_sent() override;
  void read_line(Millis time_limit) override;

 private:
  /// sending: until all is sent; then the task goes on.
  enum class State : std::uint8_t { reading, running, sending, flushing, lingering, closed };
  enum class Input : std::uint8_t { open, ended };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_deadline();

  void read_some();
  void take(std::string_view bytes);
  void on_input_end();
  /// Whether the response is not complete.
  [[nodiscard]] bool is_open() const {
    return state_ == State::reading || state_ == State::running || state_ == State::sending;
  }
  [[nodiscard]] bool has_line() const;
  /// Enough for a line whose last byte is the CR of its end, and one byte too many.
  [[nodiscard]] bool is_full() const { return received_.size() > kMaxLineBytes + 1; }
  void run_line();
  void go_on();
  void flush();
  void on_flushed();
  void close();
  void update_interest();
  void enter(State state, std::optional<Millis> time_limit);

  UniqueFd fd_;
  std::optional<io::FdWatcher> watcher_;  // empty: closed, or watching failed
  Commands& commands_;
  const AdminLimits& limits_;
  std::function<void(AdminConnection&)> closed_;

  State state_ = State::reading;
  Input input_ = Input::open;
  io::Timer deadline_;    // of the current state
  io::Deferred go_on_;    // calls of the task that were asked for by the task
  std::string received_;  // what has not been run: at most a long line and another read
  std::string unsent_;
  std::unique_ptr<PendingCommand> task_;
};

}  // namespace bonedry::admin
