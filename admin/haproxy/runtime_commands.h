#pragma once

#include "admin/control_plane.h"
#include "admin/haproxy/command_line.h"
#include "admin/haproxy/command_table.h"
#include "admin/haproxy/reply.h"
#include "admin/haproxy/server_commands.h"
#include "admin/haproxy/session_settings.h"
#include "admin/status.h"
#include "proxy/base/clock.h"

#include <string>

namespace bonedry::admin::haproxy {

/// Carries out HAProxy's commands on the control plane. Owned by Commands, main thread only.
class RuntimeCommands {
 public:
  /// Both must outlive this. The uptime that is shown begins here.
  RuntimeCommands(ControlPlane& control, const Clock& clock);

  /// Runs one command of `user`, who is recorded for changes. Commands about the connection change
  /// `settings`. `done`: see ServerCommands.
  void run(const Words& words, const std::string& user, SessionSettings& settings,
           const ReplyCallback& done);

 private:
  [[nodiscard]] Reply show_stat(Arguments arguments) const;
  [[nodiscard]] Reply show_info(Arguments arguments) const;
  [[nodiscard]] Reply show_servers_state(Arguments arguments) const;
  /// All pools.
  [[nodiscard]] Status status() const;

  ControlPlane& control_;
  const Clock& clock_;
  const Instant started_;
  ServerCommands servers_;
};

}  // namespace bonedry::admin::haproxy
