#pragma once

#include "admin/access/rights.h"
#include "admin/access/wrong_tokens.h"
#include "admin/command_client.h"
#include "admin/command_line.h"
#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/haproxy/runtime_commands.h"
#include "admin/roll/rolls.h"
#include "proxy/base/clock.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin {

/// A command whose response is not complete. Destroying it abandons the command: a wait is
/// cancelled, a follower is removed; a change in progress still happens, but its result is not
/// reported.
class PendingCommand {
 public:
  virtual ~PendingCommand() = default;
  /// What CommandClient::read_line has waited for; the line may contain anything.
  virtual void on_line(std::string_view /*line*/) {}
  /// What CommandClient::call_when_sent has waited for.
  virtual void on_sent() {}
  /// An error that ends the response, in the form that the client reads.
  [[nodiscard]] virtual std::string error_text(std::string_view why) const;
};

/// Runs the commands of the table, and HAProxy's. Main thread only.
class Commands {
 public:
  /// All must outlive the commands and their tasks.
  struct Parts {
    ControlPlane& control;
    EventLog& events;
    Rolls& rolls;
    const Clock& clock;
    /// Reopens the access log, see CommandId::reopen.
    std::function<void(const ChangeCallback&)> reopen_log = {};
  };
  explicit Commands(const Parts& parts)
      : control_(parts.control),
        events_(parts.events),
        rolls_(parts.rolls),
        clock_(parts.clock),
        reopen_log_(parts.reopen_log),
        wrong_tokens_(parts.clock),
        haproxy_(parts.control, parts.clock) {}

  /// Runs one line, which may contain anything. `client` must outlive the returned task; null when
  /// the response is already complete. The client may be called from inside this call.
  [[nodiscard]] std::unique_ptr<PendingCommand> run(std::string_view line, LineClient& client);
  /// The same for a command of a client that `admit` has granted its rights.
  [[nodiscard]] std::unique_ptr<PendingCommand> run(const CommandLine& line, CommandClient& client);
  /// Grants the client the rights of the token, or those of somebody without one. An error: the
  /// token is wrong.
  [[nodiscard]] Result<> admit(std::optional<std::string_view> token, CommandClient& client);
  /// Whether the client may give the command. The error is for the client.
  [[nodiscard]] Result<Done, CommandError> check(const CommandLine& line,
                                                 const CommandClient& client) const;
  /// The response to a line that is refused before it is run.
  [[nodiscard]] static std::string error_for_line(std::string_view line, std::string_view why);

 private:
  using PendingCommandPtr = std::unique_ptr<PendingCommand>;

  static PendingCommandPtr guarded(std::string_view what, CommandClient& client,
                                   const std::function<PendingCommandPtr()>& work);
  /// Runs the rest of a line whose sender has been admitted.
  PendingCommandPtr run_admitted(std::string_view command, LineClient& client);
  /// Refuses what the rights of the client do not allow.
  PendingCommandPtr run_allowed(const CommandLine& line, CommandClient& client);
  /// What the table says that the command needs.
  [[nodiscard]] access::Asked asked_by(const CommandLine& line) const;
  PendingCommandPtr dispatch(const CommandLine& line, CommandClient& client);
  void show_status(const CommandLine& line, CommandClient& client);
  PendingCommandPtr explain_node(const CommandLine& line, CommandClient& client);
  PendingCommandPtr list_sessions(const CommandLine& line, CommandClient& client);
  PendingCommandPtr show_events(const CommandLine& line, CommandClient& client);
  static void show_help(const CommandLine& line, CommandClient& client);
  PendingCommandPtr change(const CommandLine& line, CommandClient& client);
  PendingCommandPtr switch_group(const CommandLine& line, CommandClient& client);
  void show_members(const CommandLine& line, CommandClient& client);
  void forget_member(const CommandLine& line, CommandClient& client);
  static void respond_done(const Result<Done, CommandError>& done, std::string text,
                           const CommandLine& line, CommandClient& client);
  PendingCommandPtr reopen(const CommandLine& line, CommandClient& client);
  PendingCommandPtr wait(const CommandLine& line, CommandClient& client);
  PendingCommandPtr pass(const CommandLine& line, CommandClient& client);
  void roll(const CommandLine& line, CommandClient& client);
  PendingCommandPtr hold_roll(const CommandLine& line, CommandClient& client);
  void note_roll_step(const CommandLine& line, CommandClient& client);

  /// The node that the line names. When there is none, the client has been sent an error.
  std::optional<balancer::NodeId> node_of(const CommandLine& line, CommandClient& client) const;

  ControlPlane& control_;
  EventLog& events_;
  Rolls& rolls_;
  const Clock& clock_;
  std::function<void(const ChangeCallback&)> reopen_log_;
  access::WrongTokens wrong_tokens_;
  haproxy::RuntimeCommands haproxy_;
};

}  // namespace bonedry::admin
