#pragma once

#include "admin/access/need.h"
#include "admin/haproxy/command_line.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bonedry::admin::haproxy {

enum class CommandId : std::uint8_t {
  show_stat,
  show_info,
  show_servers_state,
  show_version,
  get_weight,
  set_weight,
  set_server,
  set_severity_output,
  set_timeout,
  enable_server,
  enable_health,
  enable_agent,
  disable_server,
  disable_health,
  disable_agent,
  shutdown_sessions,
  clear_counters,
  help,
  prompt,
  quit,
};

/// One of HAProxy's commands that bonedry has.
struct Command {
  CommandId id{};
  std::string_view name;       ///< the words that it begins with
  std::string_view arguments;  ///< as `help` shows them
  std::string_view help;
  std::size_t words = 1;  ///< in `name`; the arguments come after them
  access::Need need = access::Need::operate;
};

/// Null: bonedry has no such command.
[[nodiscard]] const Command* find_command(const Words& words);

/// What `help` answers, without the last line end.
[[nodiscard]] std::string help_text();
/// The error for a command that there is not.
[[nodiscard]] std::string unknown_command(const Words& words);

}  // namespace bonedry::admin::haproxy
