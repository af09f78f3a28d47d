#include "admin/command_table.h"

#include "admin/printable.h"
#include "admin/wrapped.h"
#include "conf/spelling.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

using access::Need;

constexpr Positional kNode{kNodeArgument, "a node", Presence::required,
                           "POOL/NODE, or just NODE if the name is unique"};
constexpr Option kForce{"force", ValueKind::none, "", "override a refusal; this is logged",
                        Need::operate};

constexpr Option kLocal{"local", ValueKind::none, "",
                        "change this member of the cluster alone, while the others cannot be told",
                        Need::operate};

constexpr std::array kNodeOnly{kNode};
constexpr std::array kPoolMaybe{
    Positional{"POOL", "a pool", Presence::optional, "show only this pool; default: all pools"}};
constexpr std::array kCommandMaybe{
    Positional{"COMMAND", "a command", Presence::optional,
               "show help for this command; default: list all commands"}};

constexpr std::array kStatusOptions{
    Option{"width", ValueKind::count, "N",
           "leave out columns that do not fit into this width; default: none"}};
constexpr std::array kSessionsOptions{
    Option{"sort", ValueKind::choice, "idle|age|exchanges",
           "longest idle first, oldest first, or most exchanges first; default: idle"},
    Option{"limit", ValueKind::count, "N", "sessions per page; default: 100"},
    Option{"page", ValueKind::count, "K", "page number; default: 1"}};
constexpr std::array kBleedOptions{
    Option{"deadline", ValueKind::duration, "D",
           "move the remaining sessions to other nodes after this time; default: never"},
    Option{"reason", ValueKind::text, "TEXT", "reason for the bleed, shown in status and events"},
    kForce, kLocal};
constexpr std::array kWaitOptions{
    Option{"healthy", ValueKind::none, "",
           "wait for health instead: 'rise' checks in a row that begin from now on"},
    Option{"timeout", ValueKind::duration, "D", "stop waiting after this time; default: no limit"}};
constexpr std::array kForceOnly{kForce};
constexpr std::array kLocalOnly{kLocal};
constexpr std::array kForceAndLocal{kForce, kLocal};
constexpr std::array kPassOptions{
    Option{"ttl", ValueKind::duration, "D", "how long the pass is valid, 1s to 24h; default: 15m"},
    Option{"header", ValueKind::none, "", "print it as a request field, for curl -H"},
    Option{"revoke", ValueKind::none, "", "make no pass, but void all that exist for the node"}};
constexpr std::array kEventsOptions{
    Option{"follow", ValueKind::none, "", "keep running and print new events as they happen"},
    Option{"since", ValueKind::duration, "D", "only events of this time up to now"},
    Option{"node", ValueKind::text, "NODE", "only events of this node: POOL/NODE, or NODE"},
    Option{"after", ValueKind::number, "ID", "only events after the one with this id, see JSON"}};

constexpr std::array kPool{Positional{"POOL", "a pool", Presence::required, "the pool"}};
constexpr std::array kSwitchPositionals{
    Positional{"POOL", "a pool", Presence::required, "the pool"},
    Positional{"GROUP", "a group", Presence::required, "'group' of its nodes in the config"}};
constexpr std::array kSwitchOptions{
    Option{"deadline", ValueKind::duration, "D",
           "move the sessions that are left on other groups after this time; default: never"},
    Option{"cut", ValueKind::none, "", "move all sessions now, each at its next request"},
    Option{"reason", ValueKind::text, "TEXT", "reason for the switch, shown in status and events"},
    kForce, kLocal};
constexpr std::array kMemberPositionals{
    Positional{"ACTION", "what to do", Presence::required, "forget"},
    Positional{"NAME", "a member", Presence::required, "the member, see 'members'"}};
constexpr std::array kMemberOptions{
    Option{"ended", ValueKind::none, "", "its process has ended, for certain: required"}};
constexpr std::array kRollOptions{Option{"abandon", ValueKind::none, "",
                                         "end an unfinished roll; its nodes keep their states",
                                         Need::operate}};
constexpr Option kHolder{"holder", ValueKind::text, "TOKEN", "names one run of bonedryctl"};
constexpr std::array kRollHoldOptions{
    kHolder,
    Option{"command", ValueKind::command, "TEXT", "what is run for each node"},
    Option{"test", ValueKind::command, "TEXT", "what tests each node"},
    Option{"only", ValueKind::command, "NODE,NODE", "the nodes to roll; default: all of the pool"},
    Option{"deadline", ValueKind::duration, "D", "of each bleed"},
    Option{"settle", ValueKind::duration, "D", "how long each node is watched once it is active"},
    Option{"keep-going", ValueKind::none, "", "go on with the next node after a failure"},
    Option{"resume", ValueKind::none, "", "only go on with an unfinished roll"}};
constexpr std::array kRollStepPositionals{
    Positional{"POOL", "a pool", Presence::required, "the pool"},
    Positional{"NODE", "a node", Presence::required, "name of the node in the pool"},
    Positional{"STEP", "a step", Presence::required,
               "waiting, bleeding, updating, testing, settling or done"}};
constexpr std::array kRollStepOptions{
    kHolder, Option{"failed", ValueKind::text, "TEXT", "why the step has failed"}};

constexpr std::array kTable{
    Command{CommandId::status, "status", kPoolMaybe, kStatusOptions,
            "Show all nodes: state, health, sessions, and whether they are dry.", Audience::people,
            Need::read},
    Command{CommandId::why,
            "why",
            kNodeOnly,
            {},
            "Explain what a node is doing, what keeps it from being dry, and who is left.",
            Audience::people,
            Need::read},
    Command{CommandId::sessions, "sessions", kNodeOnly, kSessionsOptions,
            "List the sessions on a node with their age and idle time.", Audience::people,
            Need::read},
    Command{CommandId::bleed, "bleed", kNodeOnly, kBleedOptions,
            "Send no new users to a node; users already on it stay until they leave.",
            Audience::people, Need::bleed},
    Command{CommandId::wait, "wait", kNodeOnly, kWaitOptions,
            "Wait until a bleeding node is dry, or until a node is healthy.", Audience::people,
            Need::read_node},
    Command{CommandId::maintain, "maintain", kNodeOnly, kForceAndLocal,
            "Take a dry node out of rotation."},
    Command{CommandId::activate, "activate", kNodeOnly, kLocalOnly,
            "Put a node back into rotation."},
    Command{CommandId::switch_group, "switch", kSwitchPositionals, kSwitchOptions,
            "Give new users of a pool to one group of its nodes, and bleed all others."},
    Command{CommandId::pass, "pass", kNodeOnly, kPassOptions,
            "Make a pass, which takes a tester to a node whatever its state."},
    Command{CommandId::reload,
            "reload",
            {},
            kForceOnly,
            "Reload the config file; if it has an error, nothing changes."},
    Command{CommandId::upgrade,
            "upgrade",
            {},
            {},
            "Start the binary that is on disk now and hand over to it without downtime."},
    Command{CommandId::reopen,
            "reopen",
            {},
            {},
            "Reopen the access log after it was renamed, as logrotate does."},
    Command{CommandId::events,
            "events",
            {},
            kEventsOptions,
            "Show recent events: bleeds, health changes, reloads.",
            Audience::people,
            Need::read},
    Command{CommandId::roll, "roll", kPool, kRollOptions,
            "Show how far the last roll of a pool is; bonedryctl runs it.", Audience::people,
            Need::read},
    Command{CommandId::roll_hold, "roll-hold", kPool, kRollHoldOptions,
            "Begin a roll, or go on with it, and hold it while this connection is open.",
            Audience::bonedryctl},
    Command{CommandId::roll_step, "roll-step", kRollStepPositionals, kRollStepOptions,
            "Report the progress of a roll.", Audience::bonedryctl},
    Command{CommandId::members,
            "members",
            {},
            {},
            "Show the members of the cluster, and what each keeps from being dry.",
            Audience::people,
            Need::read},
    Command{CommandId::member, "member", kMemberPositionals, kMemberOptions,
            "Forget a member of the cluster whose process has ended."},
    Command{CommandId::start_alone,
            "start-alone",
            {},
            {},
            "Let a member that waits for the store of the cluster serve by its own disk."},
    Command{CommandId::version,
            "version",
            {},
            {},
            "Show the version of the running proxy.",
            Audience::people,
            Need::anything},
    Command{CommandId::help,
            "help",
            kCommandMaybe,
            {},
            "List all commands, or show help for one.",
            Audience::people,
            Need::anything},
};

/// What other proxies call it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOtherWords{
    {{"drain", "bleed"},
     {"undrain", "activate"},
     {"resume", "activate"},
     {"list", "status"},
     {"logs", "events"},
     {"restart", "upgrade"}}};

std::string option_syntax(const Option& option) {
  std::string text = "--" + std::string(option.name);
  if (option.kind != ValueKind::none) text += " " + std::string(option.placeholder);
  return text;
}

void append_padded(std::string& out, std::string_view left, std::size_t width,
                   std::string_view right) {
  out += "  ";
  out += left;
  out.append(width > left.size() ? width - left.size() : 0, ' ');
  out += "  ";
  out += right;
  out += '\n';
}

bool is_one_of(std::string_view words, std::string_view value) {
  for (std::size_t begin = 0; begin <= words.size();) {
    const std::size_t end = std::min(words.find('|', begin), words.size());
    if (words.substr(begin, end - begin) == value) return true;
    begin = end + 1;
  }
  return false;
}

bool is_count(std::string_view value) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  return error == std::errc{} && end == value.data() + value.size() && count >= 1 &&
         count <= kMaxCount;
}

bool is_number(std::string_view value) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc{} && end == value.data() + value.size();
}

std::string text_error(const std::string& option, std::string_view value, std::size_t limit) {
  if (value.size() > limit) {
    return option + " takes at most " + std::to_string(limit) + " bytes, not " +
           std::to_string(value.size());
  }
  if (has_control(value)) return option + " takes a single line without control characters";
  return "";
}

}  // namespace

const Option* Command::find_option(std::string_view option_name) const {
  const auto found = std::ranges::find(options, option_name, &Option::name);
  return found == options.end() ? nullptr : &*found;
}

std::span<const Command> command_table() {
  return kTable;
}

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kTable, name, &Command::name);
  return found == kTable.end() ? nullptr : &*found;
}

const Command* nearest_command(std::string_view name) {
  for (const auto& [word, command] : kOtherWords) {
    if (name == word) return find_command(command);
  }
  std::array<std::string_view, kTable.size()> names;
  std::ranges::transform(kTable, names.begin(), &Command::name);
  const auto nearest = conf::nearest(name, names);
  return nearest ? find_command(*nearest) : nullptr;
}

std::string meant_option(const Command& command, std::string_view name) {
  std::vector<std::string_view> names;
  std::ranges::transform(command.options, std::back_inserter(names), &Option::name);
  const auto nearest = conf::nearest(name.substr(std::min<std::size_t>(2, name.size())), names);
  return nearest ? "; did you mean '--" + std::string(*nearest) + "'?" : "";
}

std::string syntax(const Command& command) {
  std::string text(command.name);
  for (const Positional& positional : command.positionals) {
    const std::string name(positional.name);
    text += positional.presence == Presence::required ? " " + name : " [" + name + "]";
  }
  for (const Option& option : command.options) text += " [" + option_syntax(option) + "]";
  return text;
}

std::string help_overview() {
  std::size_t width = 0;
  for (const Command& command : kTable) width = std::max(width, command.name.size());
  std::string text;
  for (const Command& command : kTable) {
    if (command.audience != Audience::people) continue;
    append_padded(text, command.name, width, command.help);
  }
  text +=
      "\nNODE is POOL/NODE, or just NODE if the name is unique. Durations: 90s, 20m, 12h.\n"
      "Add 'json' at the end of a command for JSON output. 'help COMMAND' shows help for one "
      "command.\n";
  return wrapped(text, kUsualWidth);
}

std::string help_page(const Command& command) {
  std::string text = syntax(command) + "\n  " + std::string(command.help) + "\n";
  std::size_t width = 0;
  for (const Positional& each : command.positionals) width = std::max(width, each.name.size());
  for (const Option& each : command.options) width = std::max(width, option_syntax(each).size());
  if (width > 0) text += "\n";
  for (const Positional& each : command.positionals)
    append_padded(text, each.name, width, each.help);
  for (const Option& each : command.options)
    append_padded(text, option_syntax(each), width, each.help);
  return wrapped(text, kUsualWidth);
}

std::string value_error(const Option& option, std::string_view value) {
  const std::string name = "--" + std::string(option.name);
  switch (option.kind) {
    case ValueKind::none:
      return name + " takes no value";
    case ValueKind::duration:
      if (parse_duration(value)) return "";
      return name + " takes a duration such as 90s, 20m or 12h, not '" + printable(value) + "'";
    case ValueKind::count:
      if (is_count(value)) return "";
      return name + " takes a number from 1 to " + std::to_string(kMaxCount) + ", not '" +
             printable(value) + "'";
    case ValueKind::number:
      if (is_number(value)) return "";
      return name + " takes a whole number, not '" + printable(value) + "'";
    case ValueKind::choice:
      if (is_one_of(option.placeholder, value)) return "";
      return name + " takes one of " + std::string(option.placeholder) + ", not '" +
             printable(value) + "'";
    case ValueKind::command:
      return text_error(name, value, kMaxShownCommandBytes);
    case ValueKind::text:
      return text_error(name, value, kMaxTextBytes);
  }
  return "";
}

std::string unknown_command(std::string_view name) {
  std::string text = "unknown command '" + printable(name) + "'";
  if (const Command* near = nearest_command(name)) {
    return text + "; did you mean '" + std::string(near->name) + "'?";
  }
  return text + "; 'help' lists the commands";
}

}  // namespace bonedry::admin
