#pragma once

#include "admin/commands.h"
#include "proxy/base/clock.h"
#include "proxy/base/unique_fd.h"
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

/// What clients of the admin socket may cost. The defaults are for operation; tests make them
/// small.
struct AdminLimits {
  /// At once. A fleet's scripts each hold one while they wait; more than this is a runaway loop.
  std::size_t connections = 1024;
  /// Beyond those, to read that they are too many; later ones are only told.
  std::size_t rejected = 64;
  /// For a client to send its line, and for it to take more of its answer.
  Millis io_timeout = std::chrono::seconds{30};
  /// For a client to notice the end of the answer.
  Millis linger = std::chrono::seconds{2};
  /// Unsent bytes at which a follower of events is dropped: several times all events kept.
  std::size_t max_unsent_bytes = std::size_t{1} << 20U;
};

/// Says why a client is not served, as far as that goes without waiting for it.
void turn_away(int fd, std::string_view why);

/// One client of the admin socket: reads one line, has it carried out, sends the answer, closes.
///
///   reading ──> running ──> flushing ──> lingering ──> closing
///      └──────────────────────^   (no good line)
///
/// and from everywhere to closing, when the client is gone. A client that has shut down its sending
/// half is still there and gets its answer, however long that takes.
///
/// Owned by AdminServer, on the main loop.
class AdminConnection final : public CommandClient, private io::FdWatcher::Handler {
 public:
  /// `closed` is called once, after which the connection is to be destroyed, when no call of it is
  /// on the stack; it must not be before.
  AdminConnection(io::EventLoop& loop, UniqueFd fd, Commands& commands, const AdminLimits& limits,
                  std::function<void(AdminConnection&)> closed);
  ~AdminConnection() override = default;
  AdminConnection(const AdminConnection&) = delete;
  AdminConnection& operator=(const AdminConnection&) = delete;

  /// Ends with an error what has not been answered yet.
  void fail(std::string_view why);
  /// The same where a command is under way; one that is still to come is carried out as usual.
  void fail_if_running(std::string_view why) {
    if (state_ == State::running) fail(why);
  }
  /// Tells a client that still waits for its answer why there will be none, and closes.
  void stop(std::string_view why);

  [[nodiscard]] std::string user_name() const override;
  void write(std::string_view lines) override;
  void finish() override;

 private:
  enum class State : std::uint8_t { reading, running, flushing, lingering, closing };
  enum class Input : std::uint8_t { open, ended };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_deadline();

  void read_some();
  void take(std::string_view bytes);
  void on_input_end();
  void run_line();
  void flush();
  void close();
  void watch();
  void enter(State state, std::optional<Millis> time_limit);

  UniqueFd fd_;
  std::optional<io::FdWatcher> watcher_;  // none: it is closed, or cannot be watched
  Commands& commands_;
  const AdminLimits& limits_;
  std::function<void(AdminConnection&)> closed_;

  State state_ = State::reading;
  Input input_ = Input::open;
  io::Timer deadline_;  // of the state
  std::string line_;
  std::string unsent_;
  std::unique_ptr<Task> task_;
};

}  // namespace bonedry::admin
