#pragma once

#include "admin/event_log.h"
#include "admin/hooks/hook_queue.h"
#include "conf/config.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace bonedry::admin {

/// $PATH of this process; where it has none, the usual directories.
[[nodiscard]] std::string own_path();

/// Runs the commands of [hooks] for the events of an EventLog, from its construction on. Events
/// that were there before are those of another start, which has run their hooks.
///
/// While another process is about to decide (standby), events are kept: their hooks run when this
/// one decides again, and not at all once the other one has taken over, which then makes the same
/// events. Main thread.
class Hooks {
 public:
  enum class Role : std::uint8_t { deciding, standby };
  struct Parts {
    EventLog& events;
    HookRunner& runner;
    io::TimerWheel& timers;
    std::function<const conf::Hooks&()> config;  ///< that is in force
    std::function<Role()> role;
    /// The address of a node, by "POOL/NODE"; empty if it is not known.
    std::function<std::string(const std::string& node)> address_of;
    std::string path = own_path();  ///< $PATH of the programs
  };

  /// All must outlive this.
  explicit Hooks(Parts parts);
  ~Hooks();
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  /// Runs what was kept if this process decides again. Call it often.
  void tick();
  /// Another process has taken over: what was kept is dropped. Calls `idle` when all hooks of what
  /// this process has decided have run.
  void finish(std::function<void()> idle);
  /// The proxy stops: see HookQueue::stop.
  void stop(std::function<void()> idle);

 private:
  void on_event(const Event& event);

  Parts parts_;
  HookQueue queue_;
  std::deque<HookCommand> kept_;  // at most HookQueue::kMaxWaiting, the newest ones
  EventLog::FollowId follower_;
};

}  // namespace bonedry::admin
