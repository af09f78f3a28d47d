#pragma once

#include "admin/access/need.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// The syntax of the admin interface, in one table: the admin socket parses with it, `help` prints
/// it, bonedryctl makes its subcommands from it. What a command does is in commands.h.
namespace bonedry::admin {

enum class CommandId : std::uint8_t {
  status,
  why,
  sessions,
  bleed,
  wait,
  maintain,
  activate,
  switch_group,
  pass,
  reload,
  upgrade,
  reopen,
  events,
  roll,
  roll_hold,
  roll_step,
  members,
  member,
  start_alone,
  version,
  help,
};

/// What the word after an option must be.
enum class ValueKind : std::uint8_t {
  none,      ///< a flag: no word follows
  duration,  ///< see parse_duration
  count,     ///< 1 to kMaxCount
  number,    ///< 0 to 2^64-1
  choice,    ///< one of the words in the placeholder, which are separated by '|'
  command,   ///< a command that somebody else runs: like text, at most kMaxShownCommandBytes
  text,      ///< at most kMaxTextBytes bytes, none of them a control character
};

/// Longest list that one response can be asked for: about two megabytes of JSON.
constexpr std::size_t kMaxCount = 10'000;
/// Longest free text: it appears on one line of `status` and in each event, a thousand of which are
/// kept.
constexpr std::size_t kMaxTextBytes = 256;

/// Longest command of a roll, and longest list of its nodes: both fit on one line.
constexpr std::size_t kMaxShownCommandBytes = 1024;

/// The error that clients still waiting for a response get when the proxy ends. Clients that may
/// retry recognise it by this text.
constexpr std::string_view kStopping = "bonedry is stopping";
/// The error of a change that was refused since an upgrade is under way, which may still fail.
constexpr std::string_view kUpgrading = "an upgrade is in progress; try again in a moment";
/// The same as kStopping when another process takes over.
constexpr std::string_view kTakenOver = "another process has taken over: ask again";

struct Option {
  std::string_view name;  ///< without the dashes
  ValueKind kind = ValueKind::none;
  std::string_view placeholder;  ///< "D", "idle|age"; empty for a flag
  std::string_view help;
  /// What it needs beside the need of the command.
  access::Need need = access::Need::anything;
};

enum class Presence : std::uint8_t { required, optional };

struct Positional {
  std::string_view name;  ///< "NODE"
  std::string_view noun;  ///< "a node", for errors
  Presence presence = Presence::required;
  std::string_view help;
};

/// The name of an argument that is a node, as the first one of a command.
constexpr std::string_view kNodeArgument = "NODE";

/// Who sends a command. Help lists what people do.
enum class Audience : std::uint8_t { people, bonedryctl };

struct Command {
  CommandId id{};
  std::string_view name;
  std::span<const Positional> positionals;  ///< required ones first
  std::span<const Option> options;
  std::string_view help;  ///< one sentence
  Audience audience = Audience::people;
  access::Need need = access::Need::operate;

  [[nodiscard]] const Option* find_option(std::string_view option_name) const;
};

/// In the order in which help lists them.
[[nodiscard]] std::span<const Command> command_table();

/// Null when there is no command of this name.
[[nodiscard]] const Command* find_command(std::string_view name);

/// The command that a mistyped name probably meant; null when none is similar.
[[nodiscard]] const Command* nearest_command(std::string_view name);

/// "; did you mean '--deadline'?" for an option that the command does not have; empty when none is
/// similar.
[[nodiscard]] std::string meant_option(const Command& command, std::string_view name);

/// "bleed NODE [--deadline D] [--reason TEXT] [--force]"
[[nodiscard]] std::string syntax(const Command& command);

/// All commands, one line each.
[[nodiscard]] std::string help_overview();
/// One command with its arguments and options explained.
[[nodiscard]] std::string help_page(const Command& command);

/// What is wrong with a value, for the operator; empty when it is good.
[[nodiscard]] std::string value_error(const Option& option, std::string_view value);

/// The error for a word that is no command, with the command that was probably meant.
[[nodiscard]] std::string unknown_command(std::string_view name);

}  // namespace bonedry::admin
