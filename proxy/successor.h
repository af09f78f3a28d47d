#pragma once

#include "proxy/handover.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/fd_channel.h"
#include "proxy/io/read_watcher.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/server.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

/// The new process that takes over from this one: the next generation of the program. Main thread.
class Successor final : private io::ReadWatcher::Handler {
 public:
  /// None is called from inside `start`.
  struct Events {
    /// It asks this process to route by `routing_state`. Call `followed` with the number when all
    /// workers do, or `not_followed`.
    std::function<void(std::uint64_t number, handover::RoutingState routing_state)> on_follow;
    /// It accepts clients now.
    std::function<void()> on_ready;
    /// It exited or was killed before it was ready.
    std::function<void(const std::string& why)> on_failed;
    /// It exited after it was ready: no process makes decisions any more.
    std::function<void()> on_gone;
    /// The access log is to be reopened.
    std::function<void()> on_reopen = {};
  };

  Successor(io::EventLoop& loop, Events events);
  /// Kills the new process if it is not ready yet.
  ~Successor();

  struct HandoverData {
    int lock = -1;  ///< of the state directory
    std::string admin_path;
    const std::vector<Server::ListeningSocket>& listening;
    std::vector<handover::NodeHealth> health = {};
    std::string ticket_keys = {};  ///< of TLS; empty: not handed over
    /// Gives the JSON of ProcessTotals at the moment at which they are handed over; may be null.
    std::function<std::string()> totals = {};
  };
  /// Runs `arguments`, the first of which is the program's path, and hands over once the new
  /// process has announced itself. What `handover_data` refers to must stay valid until an event
  /// reports the outcome. Does not block.
  [[nodiscard]] Result<> start(const std::vector<std::string>& arguments,
                               const HandoverData& handover_data);
  void followed(std::uint64_t number);
  void not_followed(std::uint64_t number);
  /// Reports what this process has counted to a new process that is ready. Does not block: if the
  /// new process does not read, the report is left out, as the next one has all of it.
  void report_totals(std::string_view json);
  /// As `report_totals`, but no other report follows: sends what is still unsent, too, and waits
  /// for room for each, at most `kLastReportWithin`.
  void report_last_totals(std::string_view json);
  /// Kills the new process if it is not ready yet; no event follows.
  void abandon();

  [[nodiscard]] bool is_starting() const { return state_ == State::starting; }
  [[nodiscard]] bool is_ready() const { return state_ == State::ready; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  /// A new process that works reads at once; one that hangs keeps this one from its exit.
  static constexpr Millis kLastReportWithin = std::chrono::seconds{1};

  enum class State : std::uint8_t { starting, ready, gone };
  /// Handles the exit of the child process.
  struct ProcessExitHandler final : io::ReadWatcher::Handler {
    explicit ProcessExitHandler(Successor& owner) : successor(owner) {}
    void on_readable() override { successor.on_exit(); }
    Successor& successor;
  };

  [[nodiscard]] Result<> spawn(const std::vector<std::string>& arguments, int inherited);
  void on_hello(UniqueFd itself);
  [[nodiscard]] Result<> hand_over(const HandoverData& handover_data);
  void send_unsent();
  void on_not_taken(const std::string& why);
  void on_readable() override;
  void on_room() override { send_unsent(); }
  void on_exit();
  void on_gone();
  void close_channel();
  void kill_all() const;
  void reply(std::string_view word, std::uint64_t number);
  void on_ready();
  void take(io::FdChannel::Message& message);
  void lose(const std::string& why);

  /// Handles the exit of the process that has announced itself: not the child process if that is a
  /// script.
  struct ServingExitHandler final : io::ReadWatcher::Handler {
    explicit ServingExitHandler(Successor& owner) : successor(owner) {}
    void on_readable() override { successor.on_gone(); }
    Successor& successor;
  };

  // Many: two processes may be watched, the child and the one that serves.
  io::EventLoop& loop_;
  Events events_;
  State state_ = State::starting;
  std::optional<HandoverData> handover_data_;  // until the process has announced itself
  struct Unsent {
    enum class Kind : std::uint8_t { given, reply } kind;
    std::string text;
    int fd = io::FdChannel::kNoFd;  // not owned
  };
  std::deque<Unsent> unsent_;   // the socket has no room for these; at most one reply
  UniqueFd health_;             // file with the health of the nodes, until it is sent
  UniqueFd ticket_keys_;        // the same for the keys of TLS session tickets
  UniqueFd totals_;             // the same for what this process has counted
  std::string reported_error_;  // by the new process, before it exited
  pid_t pid_ = 0;
  ProcessExitHandler end_of_process_{*this};
  UniqueFd process_;  // pidfd of the child process, until it has exited
  std::optional<io::FdChannel> channel_;
  std::optional<io::ReadWatcher> watcher_;
  std::optional<io::ReadWatcher> process_watcher_;
  ServingExitHandler end_of_serving_{*this};
  UniqueFd serving_;  // pidfd of the process that has announced itself
  std::optional<io::ReadWatcher> serving_watcher_;
  io::Timer give_up_;
};

}  // namespace bonedry::proxy
