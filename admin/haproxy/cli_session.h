#pragma once

#include "admin/commands.h"
#include "admin/haproxy/command_line.h"
#include "admin/haproxy/reply.h"
#include "admin/haproxy/runtime_commands.h"
#include "admin/haproxy/session_settings.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace bonedry::admin::haproxy {

/// What one client of HAProxy's commands has asked for: runs the commands of a line one after the
/// other, each when the reply to the one before has been sent, and then ends the connection, or
/// with a prompt waits for the next line.
///
///   on_line ──> running ──> sending ──> running …   ──> finished, or the next on_line
///
/// So a client never has more than one reply in memory, and others get their turn between two
/// commands. Owned by the client's connection, main thread.
class CliSession final : public PendingCommand {
 public:
  /// Both must outlive this.
  CliSession(RuntimeCommands& runtime, LineClient& client);

  void on_line(std::string_view line) override;
  void on_sent() override { run_next(); }
  [[nodiscard]] std::string error_text(std::string_view why) const override;

 private:
  void run_next();
  void on_reply(const Reply& reply);

  RuntimeCommands& runtime_;
  LineClient& client_;
  const std::string user_;
  SessionSettings settings_;
  std::deque<Words> commands_;  // those of the line that are still to be run
  /// A change cannot be cancelled: its callback looks here whether this still exists.
  std::shared_ptr<CliSession*> self_ = std::make_shared<CliSession*>(this);
};

/// The error for a line that is refused before it is run, in the form that its client reads.
[[nodiscard]] std::string error_for_line(std::string_view line, std::string_view why);

}  // namespace bonedry::admin::haproxy
