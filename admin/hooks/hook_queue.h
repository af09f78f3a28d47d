#pragma once

#include "admin/hooks/hook_command.h"
#include "admin/hooks/hook_run.h"
#include "proxy/io/timer_wheel.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace bonedry::admin {

/// Runs hooks in the order in which they come, a few at a time. Main thread.
class HookQueue {
 public:
  /// At the same time: enough that one which hangs does not hold up the others, few enough that
  /// they do not compete with the workers.
  static constexpr std::size_t kMaxRunning = 4;
  /// Behind them. All nodes of a large pool may go down at once; a command is a few kilobytes.
  static constexpr std::size_t kMaxWaiting = 256;
  /// How long a hook may go on when the proxy stops, before it is ended.
  static constexpr Millis kStopDelay = std::chrono::seconds{1};

  struct Counts {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;   ///< also those that could not be started, or did not end in time
    std::uint64_t dropped = 0;  ///< for want of room, or since the proxy has stopped
  };

  /// `runner` must outlive this.
  HookQueue(HookRunner& runner, io::TimerWheel& timers)
      : runner_(runner), stop_timer_(timers, [this] { on_stop_timer(); }) {}
  HookQueue(const HookQueue&) = delete;
  HookQueue& operator=(const HookQueue&) = delete;

  /// Never blocks. What does not fit is dropped, with a warning.
  void add(HookCommand command);

  /// Calls `idle` when nothing runs or waits any more; from inside this call if that is so now.
  void finish(std::function<void()> idle);
  /// As `finish`, within kStopDelay + HookRunner::kGrace: what waits is dropped; what runs is ended
  /// after kStopDelay, and left alone if even SIGKILL does not end it.
  void stop(std::function<void()> idle);

  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  using Id = std::uint64_t;

  void start_waiting();
  void start(const HookCommand& command);
  void on_end(Id id, const std::string& name, const HookEnd& end);
  void drop(const HookCommand& command);
  void report_dropped();
  void on_stop_timer();
  void report_if_idle();

  HookRunner& runner_;
  std::map<Id, std::unique_ptr<HookRun>> running_;
  std::deque<HookCommand> waiting_;
  Id next_id_ = 1;
  Counts counts_;
  std::uint64_t dropped_untold_ = 0;  // since the warning
  std::function<void()> idle_;
  enum class Stop : std::uint8_t { no, delayed, ended } stop_ = Stop::no;
  io::Timer stop_timer_;
};

}  // namespace bonedry::admin
