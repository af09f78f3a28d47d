#pragma once

#include "admin/command_line.h"
#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "proxy/base/clock.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin {

/// Whoever sent a command, and the way back to them. Implemented by a door of the admin interface.
class CommandClient {
 public:
  virtual ~CommandClient() = default;
  /// The user to write down beside what was done: "root", or "uid 1234" when there is no name.
  [[nodiscard]] virtual std::string user_name() const = 0;
  /// Adds whole lines to the answer. Never calls back into the task.
  virtual void write(std::string_view lines) = 0;
  /// The answer is complete. The task may still exist afterwards, but says nothing more.
  virtual void finish() = 0;
};

/// A command that has not been answered in full. Destroying it gives it up: a wait is cancelled, a
/// follower leaves; a change that is under way happens all the same and nobody is told.
class Task {
 public:
  virtual ~Task() = default;
};

/// What each command of the table does. Main thread only.
class Commands {
 public:
  /// All three must outlive the commands and their tasks.
  Commands(ControlPlane& control, EventLog& events, const Clock& clock)
      : control_(control), events_(events), clock_(clock) {}

  /// Carries out one line, which may say anything at all. `client` must outlive the returned task;
  /// null when the answer is complete already. The client may be called from inside this call.
  [[nodiscard]] std::unique_ptr<Task> run(std::string_view line, CommandClient& client);

 private:
  using TaskPtr = std::unique_ptr<Task>;

  TaskPtr dispatch(const CommandLine& line, CommandClient& client);
  void show_status(const CommandLine& line, CommandClient& client);
  TaskPtr list_sessions(const CommandLine& line, CommandClient& client);
  void show_events(const CommandLine& line, CommandClient& client);
  static void show_help(const CommandLine& line, CommandClient& client);
  TaskPtr change(const CommandLine& line, CommandClient& client);
  TaskPtr wait(const CommandLine& line, CommandClient& client);

  /// The node that the line names. When there is none, the client has been told.
  std::optional<balancer::NodeId> node_of(const CommandLine& line, CommandClient& client) const;

  ControlPlane& control_;
  EventLog& events_;
  const Clock& clock_;
};

}  // namespace bonedry::admin
