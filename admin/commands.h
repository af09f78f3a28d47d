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

/// The sender of a command, and the way to respond to it. Implemented by each transport of the
/// admin interface.
class CommandClient {
 public:
  virtual ~CommandClient() = default;
  /// The user to record for the change: "root", or "uid 1234" when there is no name.
  [[nodiscard]] virtual std::string user_name() const = 0;
  /// Adds whole lines to the response. Never calls back into the task.
  virtual void write(std::string_view lines) = 0;
  /// The response is complete. The task may still exist afterwards, but writes nothing more.
  virtual void finish() = 0;
};

/// A command whose response is not complete. Destroying it abandons the command: a wait is
/// cancelled, a follower is removed; a change in progress still happens, but its result is not
/// reported.
class PendingCommand {
 public:
  virtual ~PendingCommand() = default;
};

/// Runs the commands of the table. Main thread only.
class Commands {
 public:
  /// All three must outlive the commands and their tasks.
  Commands(ControlPlane& control, EventLog& events, const Clock& clock)
      : control_(control), events_(events), clock_(clock) {}

  /// Runs one line, which may contain anything. `client` must outlive the returned task; null when
  /// the response is already complete. The client may be called from inside this call.
  [[nodiscard]] std::unique_ptr<PendingCommand> run(std::string_view line, CommandClient& client);

 private:
  using PendingCommandPtr = std::unique_ptr<PendingCommand>;

  PendingCommandPtr dispatch(const CommandLine& line, CommandClient& client);
  void show_status(const CommandLine& line, CommandClient& client);
  PendingCommandPtr list_sessions(const CommandLine& line, CommandClient& client);
  void show_events(const CommandLine& line, CommandClient& client);
  static void show_help(const CommandLine& line, CommandClient& client);
  PendingCommandPtr change(const CommandLine& line, CommandClient& client);
  PendingCommandPtr wait(const CommandLine& line, CommandClient& client);

  /// The node that the line names. When there is none, the client has been sent an error.
  std::optional<balancer::NodeId> node_of(const CommandLine& line, CommandClient& client) const;

  ControlPlane& control_;
  EventLog& events_;
  const Clock& clock_;
};

}  // namespace bonedry::admin
