#include "admin/ctl/arguments.h"

#include "admin/command_table.h"
#include "admin/ctl/terminal.h"
#include "admin/printable.h"
#include "admin/wrapped.h"
#include "conf/spelling.h"
#include "conf/values.h"
#include "proxy/base/duration.h"
#include "proxy/base/file.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

namespace bonedry::ctl {
namespace {

using admin::Command;
using admin::CommandId;
using admin::Option;
using admin::Positional;
using admin::ValueKind;

constexpr std::string_view kFooter =
    "NODE is POOL/NODE, or just NODE if the name is unique. Durations: 90s, 20m, 12h.\n\n"
    "Exit codes: 0 success (wait: the node is dry), 1 refused or failed, 2 usage error,\n"
    "3 timed out, 4 the node can no longer become dry (activated or removed),\n"
    "5 bonedry not reachable.";

constexpr std::string_view kWatch = "watch";

/// What `roll` takes beside the options of the table: bonedryctl carries it out.
constexpr std::array kRollOptions{
    Option{"status", ValueKind::none, "", "show how far the last roll is"},
    Option{"dry-run", ValueKind::none, "", "show the plan; change nothing"},
    Option{"deadline", ValueKind::duration, "D",
           "move the sessions that are left on a node after this time; default: never"},
    Option{"test", ValueKind::command, "CMD",
           "command for the shell that tests a node, with a pass"},
    Option{"settle", ValueKind::duration, "D", "watch each node for so long once it is active"},
    Option{"health-timeout", ValueKind::duration, "D",
           "how long a node may take to be healthy after CMD; default: 5m"},
    Option{"keep-going", ValueKind::none, "", "go on with the next node after a failure"}};

ExitCode usage_error(const std::string& text, const std::string& help_words) {
  std::fputs(admin::error_line(text).c_str(), stderr);
  std::fprintf(stderr, "see: bonedryctl %s--help\n", help_words.c_str());
  return ExitCode::usage;
}

std::string fitted(const std::string& help) {
  return admin::wrapped(help, terminal_width(STDOUT_FILENO).value_or(admin::kUsualWidth));
}

/// The token to show; empty: none. It is no argument, since `ps` shows those to everybody. An error
/// does not show it.
Result<std::string> read_token(const std::string& file) {
  const char* const set = std::getenv("BONEDRY_TOKEN");  // NOLINT(concurrency-mt-unsafe): 1 thread
  const std::string given = set == nullptr ? "" : set;
  if (file.empty() && given.empty()) return given;
  constexpr std::size_t kMaxFileBytes = 1024;  // far more than a token
  Result<std::string> token =
      file.empty() ? Result<std::string>(given) : read_file(file, kMaxFileBytes);
  if (!token) return token;
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  const std::string wrong = conf::token_error(*token);
  if (wrong.empty()) return token;
  return Failure{(file.empty() ? "$BONEDRY_TOKEN" : admin::printable(file)) + ": " + wrong};
}

/// The command line of bonedryctl: a subcommand for each row of the command table.
class ArgumentParser {
 public:
  ArgumentParser() {
    app_.add_option("--socket", socket_, "path of the admin socket")
        ->type_name("PATH")
        ->envname("BONEDRY_SOCKET")
        ->capture_default_str();
    app_.add_option("--token-file", token_file_,
                    "file with a token to show; default: the token in $BONEDRY_TOKEN, or none")
        ->type_name("FILE");
    app_.add_flag("--json", json_, "print JSON");
    app_.set_version_flag("--version", "bonedryctl " BONEDRY_VERSION);
    app_.set_help_flag("--help", "print this help");
    app_.footer(std::string(kFooter));
    app_.require_subcommand(1);
    for (const Command& command : admin::command_table()) {
      if (command.audience == admin::Audience::people) add(command);
      if (command.id == CommandId::status) add_watch(command);
    }
  }

  std::variant<Invocation, ExitCode> parse(int argc, char** argv) {
    if (argc <= 1) {
      std::cerr << full_help();
      return ExitCode::usage;
    }
    try {
      app_.parse(take_roll_command(argc, argv), argv);
    } catch (const CLI::ParseError& error) {
      return on_parse_error(error);
    }
    const Command& command = *admin::find_command(watches() ? "status" : chosen()->get_name());
    if (command.id == CommandId::help) return print_help();
    std::variant<Invocation, ExitCode> made = invocation(command);
    auto* const asked = std::get_if<Invocation>(&made);
    if (asked == nullptr) return made;
    Result<std::string> token = read_token(token_file_);
    if (!token) return usage_error(token.error(), "");
    asked->proxy.token = std::move(*token);
    return made;
  }

 private:
  /// `watch` is `status` again and again, and no command of the proxy.
  void add_watch(const Command& status) {
    CLI::App* sub =
        app_.add_subcommand(std::string(kWatch),
                            "Show the nodes on a screen during a deploy, with keys to bleed them.");
    sub->fallthrough();
    const Positional& pool = status.positionals.front();
    sub->add_option(std::string(pool.name), values_[&pool], std::string(pool.help))->type_name("");
    sub->footer("Without a terminal it prints the table of 'status' once.");
  }

  [[nodiscard]] bool watches() const { return chosen()->get_name() == kWatch; }

  void add(const Command& command) {
    CLI::App* sub = app_.add_subcommand(std::string(command.name), std::string(command.help));
    sub->fallthrough();  // --json and --socket may also come last
    for (const Positional& positional : command.positionals) {
      CLI::Option* added = sub->add_option(std::string(positional.name), values_[&positional],
                                           std::string(positional.help));
      added->type_name("")->required(positional.presence == admin::Presence::required);
    }
    for (const Option& option : command.options) add(*sub, option);
    if (command.id == CommandId::roll) add_roll(*sub);
    if (command.id == CommandId::status) {
      sub->add_flag("--wide", wide_, "all columns, whatever the width of the terminal");
    }
    if (command.id != CommandId::bleed && command.id != CommandId::switch_group) return;
    sub->add_flag("--wait", wait_, "after the command, wait until what bleeds is dry");
    sub->add_option("--timeout", timeout_, "with --wait: stop waiting after this time")
        ->type_name("D")
        ->needs("--wait");
  }

  void add(CLI::App& sub, const Option& option) {
    const std::string name = "--" + std::string(option.name);
    const std::string help(option.help);
    if (option.kind == ValueKind::none) {
      sub.add_flag(name, help);
    } else {
      sub.add_option(name, values_[&option], help)->type_name(std::string(option.placeholder));
    }
  }

  void add_roll(CLI::App& sub) {
    sub.description(
        "Update the nodes of a pool one after the other: bleed, run a command, test.\n"
        "bonedryctl roll POOL [OPTIONS] -- CMD...");
    for (const Option& option : kRollOptions) add(sub, option);
    sub.add_option("--only", rolled_nodes_, "roll only this node; may be repeated")
        ->type_name("NODE")
        ->expected(1);
  }

  [[nodiscard]] CLI::App* chosen() const {
    const auto subs = app_.get_subcommands();
    return subs.empty() ? nullptr : subs.front();
  }

  /// The chosen subcommand and a space: "bleed ". Empty if none was chosen.
  [[nodiscard]] std::string help_words() const {
    return chosen() == nullptr ? "" : chosen()->get_name() + " ";
  }

  ExitCode on_parse_error(const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      std::ostringstream text;
      app_.exit(error, text, std::cerr);
      std::cout << fitted(text.str());
      return ExitCode::done;
    }
    const auto extras = app_.remaining();
    if (chosen() != nullptr) return usage_error(unexpected(error), help_words());
    if (extras.empty()) return usage_error(error.what(), "");
    if (!extras.front().starts_with('-')) {
      return usage_error(admin::unknown_command(extras.front()), "");
    }
    return usage_error("unknown option '" + extras.front() + "'", "");
  }

  /// What is wrong with the arguments of the chosen subcommand.
  [[nodiscard]] std::string unexpected(const CLI::ParseError& error) const {
    const auto extras = app_.remaining(true);
    if (extras.empty() || !extras.front().starts_with("--")) return error.what();
    std::vector<std::string> names;
    for (const CLI::Option* option : chosen()->get_options()) names.push_back(option->get_name());
    const std::vector<std::string_view> known(names.begin(), names.end());
    const auto nearest = conf::nearest(extras.front(), known);
    return "unknown option '" + extras.front() + "'" +
           (nearest ? "; did you mean '" + std::string(*nearest) + "'?" : "");
  }

  /// Help for bonedryctl as a whole, whichever subcommand was chosen.
  [[nodiscard]] std::string full_help() const {
    return fitted(app_.get_formatter()->make_help(&app_, "bonedryctl", CLI::AppFormatMode::Normal));
  }

  std::variant<Invocation, ExitCode> print_help() {
    const Command& help = *admin::find_command("help");
    const std::string& name = values_[&help.positionals.front()];
    if (name.empty()) {
      std::cout << full_help();
      return ExitCode::done;
    }
    if (name != kWatch && admin::find_command(name) == nullptr)
      return usage_error(admin::unknown_command(name), "");
    std::cout << fitted(app_.get_subcommand(name)->help("bonedryctl"));
    return ExitCode::done;
  }

  /// The command in the syntax of the socket, whose parser then checks the values.
  std::string line_of(const Command& command) {
    std::string line(command.name);
    for (const Positional& positional : command.positionals) {
      if (chosen()->count(std::string(positional.name)) == 0) continue;
      line += " " + admin::quote_word(values_[&positional]);
    }
    if (watches()) return line;  // it has no options
    for (const Option& option : command.options) {
      const std::string name = "--" + std::string(option.name);
      if (chosen()->count(name) == 0) continue;
      line += " " + name;
      if (option.kind != ValueKind::none) line += " " + admin::quote_word(values_[&option]);
    }
    return line;
  }

  /// What follows `--` after `roll` is a command, which CLI11 would change (it drops brackets).
  /// Returns how many arguments are left.
  int take_roll_command(int argc, char** argv) {
    char** const end = argv + argc;
    char** const dashes =
        std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
    const bool rolls = std::any_of(
        argv, dashes, [](const char* word) { return std::string_view(word) == "roll"; });
    if (!rolls || dashes == end) return argc;
    roll_command_.assign(dashes + 1, end);
    return static_cast<int>(dashes - argv);
  }

  [[nodiscard]] bool has(std::string_view option) const {
    return chosen()->count("--" + std::string(option)) > 0;
  }

  /// The duration that was given for an option of `roll`.
  [[nodiscard]] std::optional<Millis> roll_duration(std::string_view name) {
    const auto option = std::ranges::find(kRollOptions, name, &Option::name);
    if (option == kRollOptions.end() || !has(name)) return std::nullopt;
    return parse_duration(values_[&*option]);
  }

  /// What is wrong with the arguments of `roll`; empty: nothing.
  [[nodiscard]] std::string roll_error() {
    for (const Option& option : kRollOptions) {
      if (option.kind == ValueKind::none || !has(option.name)) continue;
      const std::string wrong = admin::value_error(option, values_[&option]);
      if (!wrong.empty()) return wrong;
    }
    const bool runs = !roll_command_.empty();
    const bool shows = has("status") || has("abandon");
    if (runs && shows) return "--status and --abandon run nothing";
    if (runs || shows) return "";
    return "roll needs a command after '--': bonedryctl roll POOL -- CMD";
  }

  /// Nothing: only show or abandon it. The arguments are valid.
  [[nodiscard]] std::optional<RollOptions> roll_options(const Command& command) {
    if (roll_command_.empty()) return std::nullopt;
    RollOptions made;
    made.pool = values_[&command.positionals.front()];
    made.command = roll_command_;
    made.test = values_[&*std::ranges::find(kRollOptions, "test", &Option::name)];
    for (const std::string& node : rolled_nodes_) {
      const bool full = node.starts_with(made.pool + "/");
      made.only.push_back(full ? node.substr(made.pool.size() + 1) : node);
    }
    made.deadline = roll_duration("deadline");
    made.settle = roll_duration("settle").value_or(made.settle);
    made.health_timeout = roll_duration("health-timeout").value_or(made.health_timeout);
    if (has("keep-going")) made.on_failure = RollOptions::OnFailure::keep_going;
    if (has("dry-run")) made.mode = RollOptions::Mode::dry_run;
    return made;
  }

  std::variant<Invocation, ExitCode> invocation(const Command& command) {
    Invocation made;
    made.proxy.socket = socket_;
    made.line = line_of(command);
    made.format = json_ ? admin::Format::json : admin::Format::text;
    const auto width = terminal_width(STDOUT_FILENO);
    if (command.id == CommandId::status && width && !wide_ && (watches() || !has("width"))) {
      made.line += " --width " + std::to_string(*width);
    }
    auto parsed = admin::parse_command_line(made.line);
    if (!parsed) return usage_error(parsed.error(), help_words());
    made.command = std::move(*parsed);
    if (command.id == CommandId::roll) {
      const std::string wrong = roll_error();
      if (!wrong.empty()) return usage_error(wrong, help_words());
      made.roll = roll_options(command);
    }
    if (watches()) made.watch = values_[&command.positionals.front()];
    made.after_bleed = wait_ ? AfterBleed::wait : AfterBleed::exit;
    made.timeout = made.command.duration("timeout");
    if (!timeout_.empty()) {
      const Option& option = *admin::find_command("wait")->find_option("timeout");
      const std::string wrong = admin::value_error(option, timeout_);
      if (!wrong.empty()) return usage_error(wrong, help_words());
      made.timeout = parse_duration(timeout_);
    }
    return made;
  }

  CLI::App app_{"Controls a running bonedry.", "bonedryctl"};
  std::string socket_ = "/run/bonedry/admin.sock";
  std::string token_file_;
  bool json_ = false;
  bool wait_ = false;
  bool wide_ = false;
  std::string timeout_;
  std::vector<std::string> rolled_nodes_;
  std::vector<std::string> roll_command_;
  std::map<const void*, std::string> values_;  // keyed by row of the command table
};

}  // namespace

std::variant<Invocation, ExitCode> read_arguments(int argc, char** argv) {
  return ArgumentParser().parse(argc, argv);
}

}  // namespace bonedry::ctl
