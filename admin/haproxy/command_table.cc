#include "admin/haproxy/command_table.h"

#include <algorithm>
#include <array>

namespace bonedry::admin::haproxy {
namespace {

using access::Need;

constexpr std::array kTable{
    Command{CommandId::clear_counters, "clear counters", "[all]",
            "clear the maxima of counters, of which there are none", 2},
    Command{CommandId::disable_agent, "disable agent", "<bk>/<srv>", "there are no agent checks",
            2},
    Command{CommandId::disable_health, "disable health", "<bk>/<srv>",
            "refused where there are health checks", 2},
    Command{CommandId::disable_server, "disable server", "<bk>/<srv>",
            "take a server out of rotation; users on it are moved", 2},
    Command{CommandId::enable_agent, "enable agent", "<bk>/<srv>", "there are no agent checks", 2},
    Command{CommandId::enable_health, "enable health", "<bk>/<srv>",
            "health checks that are configured are always enabled", 2},
    Command{CommandId::enable_server, "enable server", "<bk>/<srv>",
            "put a server back into rotation", 2},
    Command{CommandId::get_weight, "get weight", "<bk>/<srv>", "report a server's weight", 2,
            Need::read},
    Command{CommandId::set_server, "set server", "<bk>/<srv> state ready|drain|maint",
            "put a server back, bleed it, or take it out of rotation", 2},
    Command{CommandId::set_severity_output, "set severity-output", "none|number|string",
            "begin messages with their severity", 2, Need::anything},
    Command{CommandId::set_timeout, "set timeout", "cli <delay>",
            "how long this connection may be idle with a prompt", 2, Need::anything},
    Command{CommandId::set_weight, "set weight", "<bk>/<srv> <weight>|<weight%>",
            "only to what it is", 2},
    Command{CommandId::show_info, "show info", "[typed]", "report about the process", 2,
            Need::read},
    Command{CommandId::show_servers_state, "show servers state", "[<bk>]",
            "report states and addresses of servers", 3, Need::read},
    Command{CommandId::show_stat, "show stat", "[<iid>|<proxy> <type> <sid>]",
            "report counters of each proxy and server", 2, Need::read},
    Command{CommandId::show_version, "show version", "", "report the version", 2, Need::anything},
    Command{CommandId::shutdown_sessions, "shutdown sessions server", "<bk>/<srv>",
            "report whether exchanges are left on a server in maintenance", 3},
    Command{CommandId::help, "help", "", "list the commands", 1, Need::anything},
    Command{CommandId::prompt, "prompt", "", "keep the connection open, with a prompt", 1,
            Need::anything},
    Command{CommandId::quit, "quit", "", "disconnect", 1, Need::anything},
};

/// The first words, with spaces between them, as names in the table have.
std::string joined(const Words& words, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < std::min(count, words.size()); ++i) {
    if (i > 0) text += ' ';
    text += words[i];
  }
  return text;
}

std::string listing() {
  std::string text;
  for (const Command& command : kTable) {
    std::string left = "  " + std::string(command.name);
    if (!command.arguments.empty()) left += " " + std::string(command.arguments);
    constexpr std::size_t kWidth = 52;
    left.resize(std::max(left.size(), kWidth), ' ');
    text += "\n" + left + " : " + std::string(command.help);
  }
  return text;
}

}  // namespace

const Command* find_command(const Words& words) {
  const auto found = std::ranges::find_if(kTable, [&words](const Command& command) {
    return words.size() >= command.words && joined(words, command.words) == command.name;
  });
  return found == kTable.end() ? nullptr : &*found;
}

std::string help_text() {
  return "The following commands are valid at this level:" + listing();
}

std::string unknown_command(const Words& words) {
  constexpr std::size_t kShown = 3;  // as many words as the longest name has
  return "Unknown command '" + joined(words, kShown) +
         "'. bonedry has these of HAProxy's commands:" + listing();
}

}  // namespace bonedry::admin::haproxy
