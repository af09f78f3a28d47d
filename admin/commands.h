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
class Asker {
 public:
  virtual ~Asker() = default;
  /// The user to write down beside what was done: "root", or "uid 1234" when there is no name.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Adds whole lines to the answer. Never calls back into the task.
  virtual void say(std::string_view lines) = 0;
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

  /// Carries out one line, which may say anything at all. `asker` must outlive the returned task;
  /// null when the answer is complete already. The asker may be called from inside this call.
  [[nodiscard]] std::unique_ptr<Task> run(std::string_view line, Asker& asker);

 private:
  using TaskPtr = std::unique_ptr<Task>;

  TaskPtr dispatch(const CommandLine& line, Asker& asker);
  void show_status(const CommandLine& line, Asker& asker);
  TaskPtr list_sessions(const CommandLine& line, Asker& asker);
  void show_events(const CommandLine& line, Asker& asker);
  static void show_help(const CommandLine& line, Asker& asker);
  TaskPtr change(const CommandLine& line, Asker& asker);
  TaskPtr wait(const CommandLine& line, Asker& asker);

  /// The node that the line names. When there is none, the asker has been told.
  std::optional<balancer::NodeId> node_of(const CommandLine& line, Asker& asker) const;

  ControlPlane& control_;
  EventLog& events_;
  const Clock& clock_;
};

}  // namespace bonedry::admin
