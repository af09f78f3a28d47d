#include "admin/ctl/roll/roller.h"

#include "admin/command_line.h"
#include "admin/command_table.h"
#include "admin/ctl/restart.h"
#include "admin/ctl/status_parser.h"
#include "admin/printable.h"
#include "proxy/base/duration.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace bonedry::ctl {
namespace {

using admin::RolledNode;
using admin::RollStep;

constexpr Millis kSettleInterval = std::chrono::seconds{1};
// Within it, a proxy that has started has checked its nodes for the first time.
constexpr Millis kFirstChecks = std::chrono::seconds{10};
/// Longer than any test should take, and short enough that a leaked pass is of little use.
constexpr std::string_view kPassLifetime = "1h";

/// The words as a shell would take them, for people and to recognise the command.
std::string shown(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_of(" \t\"'\\$`;&|<>()*?[]#~") == word.npos;
    std::string quoted = word;
    if (!plain) {
      quoted = "'";
      for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
      quoted += "'";
    }
    text += (text.empty() ? "" : " ") + quoted;
  }
  return text;
}

/// Names this run of bonedryctl, on this boot.
std::string make_token() {
  const SystemClock clock;
  return std::to_string(::getpid()) + "-" + std::to_string(clock.wall().ms);
}

std::string words_of(const std::string& state) {
  return state == "maintenance" ? "in maintenance" : state;
}

/// "shop/alice is bleeding: …" without the node.
std::string without_node(const std::string& response) {
  const std::size_t is = response.find(" is ");
  return is == std::string::npos ? response : response.substr(is + 4);
}

std::string clipped_text(const std::string& text) {
  return text.substr(0, admin::kMaxTextBytes);
}

}  // namespace

Roller::Roller(ProxyAddress proxy, RollOptions options, const RollReport& report)
    : proxy_(std::move(proxy)),
      options_(std::move(options)),
      report_(report),
      token_(make_token()),
      progress_(Progress::style_of(STDERR_FILENO)),
      hold_(proxy_, line()) {}

std::string Roller::line() const {
  std::string only;
  for (const std::string& node : options_.only) only += (only.empty() ? "" : ",") + node;
  std::string text = "roll-hold " + admin::quote_word(options_.pool) + " --holder " + token_ +
                     " --command " + admin::quote_word(shown(options_.command));
  if (!options_.test.empty()) text += " --test " + admin::quote_word(options_.test);
  if (!only.empty()) text += " --only " + admin::quote_word(only);
  if (options_.deadline) text += " --deadline " + std::to_string(options_.deadline->count()) + "ms";
  if (options_.settle > Millis{0}) {
    text += " --settle " + std::to_string(options_.settle.count()) + "ms";
  }
  if (options_.on_failure == RollOptions::OnFailure::keep_going) text += " --keep-going";
  return text;
}

std::string Roller::key(const std::string& node) const {
  return options_.pool + "/" + node;
}

ExitCode Roller::run() {
  if (options_.mode == RollOptions::Mode::dry_run) return show_plan();
  if (const auto parsed = admin::parse_command_line(line()); !parsed) {
    std::fputs(admin::error_line(parsed.error()).c_str(), stderr);
    return ExitCode::usage;
  }
  const auto nodes = hold_.begin();
  if (nodes) return roll_all(*nodes);
  std::fputs(admin::error_line(nodes.error().text).c_str(), stderr);
  return nodes.error().cause == RollHold::Refusal::Cause::unreachable ? ExitCode::unreachable
                                                                      : ExitCode::refused;
}

ExitCode Roller::roll_all(const std::vector<RolledNode>& nodes) {
  const auto done = std::ranges::count(nodes, RollStep::done, &RolledNode::step);
  report_.tell("begin", "",
               "rolling " + options_.pool + ": " + std::to_string(nodes.size()) + " nodes" +
                   (done > 0 ? ", " + std::to_string(done) + " done before" : ""));
  ExitCode worst = ExitCode::done;
  std::size_t failed = 0;
  for (const RolledNode& node : nodes) {
    if (node.step == RollStep::done) continue;
    const auto stop = roll_one(node);
    if (!stop) continue;
    progress_.clear();
    if (stop->cause == Stop::Cause::interrupted) {
      const bool over = hold_.is_over();
      report_.tell("interrupted", node.name,
                   stop->text + (over ? "" : "; the same command goes on where it stopped"));
      return stop->code;
    }
    fail(node.name, *stop);
    ++failed;
    if (worst == ExitCode::done) worst = stop->code;
    if (options_.on_failure == RollOptions::OnFailure::stop) break;
  }
  if (worst == ExitCode::done) {
    report_.tell("end", "", "rolled " + options_.pool);
  } else {
    report_.tell("end", "",
                 "roll of " + options_.pool + " stops: " + std::to_string(failed) +
                     (failed == 1 ? " node" : " nodes") +
                     " failed; the same command tries again, 'bonedryctl roll " + options_.pool +
                     " --abandon' ends it");
  }
  return worst;
}

void Roller::fail(const std::string& node, const Stop& stop) {
  const auto now = find(node);
  report_.tell("failed", node, stop.text + (now ? "; the node is " + words_of(now->state) : ""),
               stop.exit_code);
  (void)note({node, step_, clipped_text(stop.text)});
}

/// From the step that it had entered on.
Roller::MaybeStop Roller::roll_one(const RolledNode& node) {
  step_ = std::max(node.step, RollStep::bleeding);
  // Somebody may have put it back since.
  if (step_ == RollStep::updating) {
    const auto now = find(node.name);
    if (!now) return now.error();
    if (now->state != "maintenance") step_ = RollStep::bleeding;
  }
  while (true) {
    if (auto stop = check_hold()) return stop;
    if (auto stop = note({node.name, step_})) return stop;
    if (step_ == RollStep::done) {
      report_.tell("done", node.name, "done");
      return std::nullopt;
    }
    if (auto stop = carry_out(step_, node.name)) return stop;
    step_ = static_cast<RollStep>(static_cast<int>(step_) + 1);
  }
}

Roller::MaybeStop Roller::carry_out(RollStep step, const std::string& node) {
  switch (step) {
    case RollStep::bleeding:
      return bleed(node);
    case RollStep::updating:
      return update(node);
    case RollStep::testing:
      return test(node);
    case RollStep::settling:
      return settle(node);
    case RollStep::waiting:
    case RollStep::done:
      break;
  }
  return std::nullopt;
}

Roller::MaybeStop Roller::bleed(const std::string& node) {
  std::string line = "bleed " + admin::quote_word(key(node)) + " --reason roll";
  if (options_.deadline) {
    line += " --deadline " + std::to_string(options_.deadline->count()) + "ms";
  }
  std::string response;
  // What the guard refuses while no node is known to be healthy, it may allow in a moment.
  while (auto stop = send(line, &response)) {
    if (stop->code != ExitCode::refused || !has_just_started()) return stop;
    if (auto interrupted = pause(kRetryInterval)) return interrupted;
  }
  report_.tell("bleeding", node, without_node(response));
  return wait(node, Goal::dry, std::nullopt);
}

bool Roller::has_just_started() {
  std::string status;
  if (send("status " + admin::quote_word(options_.pool) + " json", &status)) return false;
  const auto uptime = parse_uptime(status);
  return uptime && *uptime < kFirstChecks;
}

Roller::MaybeStop Roller::update(const std::string& node) {
  std::string response;
  if (auto stop = send("maintain " + admin::quote_word(key(node)), &response)) return stop;
  report_.tell("maintenance", node, without_node(response));
  return run_for(node, {options_.command, {}}, "updating");
}

Roller::MaybeStop Roller::test(const std::string& node) {
  if (auto stop = wait(node, Goal::healthy, options_.health_timeout)) return stop;
  if (!options_.test.empty()) {
    ChildCommand command{{"/bin/sh", "-c", options_.test}, {}};
    if (auto stop = add_pass(node, command)) return stop;
    if (auto stop = run_for(node, std::move(command), "testing")) return stop;
  }
  std::string response;
  if (auto stop = send("activate " + admin::quote_word(key(node)), &response)) return stop;
  report_.tell("active", node, without_node(response));
  return std::nullopt;
}

/// A node that goes down while it is watched gets no more users.
Roller::MaybeStop Roller::settle(const std::string& node) {
  if (options_.settle == Millis{0}) return std::nullopt;
  report_.tell("settling", node, "watching for " + format_duration(options_.settle));
  const Instant until = clock_.now() + options_.settle;
  while (clock_.now() < until) {
    if (auto stop = pause(std::min(kSettleInterval, until - clock_.now()))) return stop;
    const auto now = find(node);
    if (!now) return now.error();
    if (now->health != "down") continue;
    step_ = RollStep::testing;  // from there it goes on when it is tried again
    (void)send("bleed " + admin::quote_word(key(node)) + " --force --reason " +
               admin::quote_word("roll: down while it settled"));
    return Stop{ExitCode::refused, "went down while it settled"};
  }
  return std::nullopt;
}

Roller::MaybeStop Roller::wait(const std::string& node, Goal goal, std::optional<Millis> timeout) {
  Waiter waiter({proxy_, key(node), goal, timeout, Waiter::ProxySeen::yes, &hold_}, interrupts_,
                progress_);
  const Waiter::Result end = waiter.run();
  progress_.clear();
  if (end.code == ExitCode::done) {
    report_.tell(goal == Goal::dry ? "dry" : "healthy", node, end.explanation);
    return check_hold();
  }
  if (hold_.is_over()) return check_hold();
  const bool interrupted = end.code == ExitCode::interrupted || end.code == ExitCode::terminated;
  if (interrupted) return Stop{end.code, "interrupted", Stop::Cause::interrupted};
  const bool lost = end.code == ExitCode::unreachable;
  return Stop{end.code, end.explanation, lost ? Stop::Cause::interrupted : Stop::Cause::failed};
}

Roller::MaybeStop Roller::run_for(const std::string& node, ChildCommand command,
                                  const std::string& what) {
  const auto now = find(node);
  if (!now) return now.error();
  if (now->state != "maintenance") {
    return Stop{ExitCode::cannot_succeed, "somebody else has made it " + now->state};
  }
  command.environment.insert(
      command.environment.end(),
      {{"BONEDRY_POOL", options_.pool}, {"BONEDRY_NODE", node}, {"BONEDRY_ADDRESS", now->address}});
  if (report_.format() == admin::Format::json) {
    command.output = ChildCommand::Output::standard_error;
  }
  report_.tell(what, node,
               what + ": " + (what == "testing" ? options_.test : shown(command.words)));
  const Instant began = clock_.now();
  const ChildEnd end = ctl::run(command, interrupts_, hold_);
  const std::string took = " after " + format_duration(clock_.now() - began);
  if (hold_.is_over()) return check_hold();
  // A command that has succeeded is reported also when a signal came: it must not run again.
  if (end.interrupted && !end.is_success()) {
    return Stop{*end.interrupted, "interrupted while " + what, Stop::Cause::interrupted};
  }
  if (!end.is_success()) {
    return Stop{ExitCode::refused, what + " failed: " + to_text(end, command) + took,
                Stop::Cause::failed,
                end.kind == ChildEnd::Kind::exited ? std::optional(end.value) : std::nullopt};
  }
  report_.tell(what + "-done", node, what + " done" + took, 0);
  if (!end.interrupted) return std::nullopt;
  if (what == "updating") (void)note({node, RollStep::testing});
  return Stop{*end.interrupted, "interrupted after " + what, Stop::Cause::interrupted};
}

/// The test reaches the node through the front door, although it is out of rotation.
Roller::MaybeStop Roller::add_pass(const std::string& node, ChildCommand& command) {
  std::string response;
  const std::string line =
      "pass " + admin::quote_word(key(node)) + " --ttl " + std::string(kPassLifetime) + " json";
  if (auto stop = send(line, &response)) return stop;
  const auto pass = parse_pass(response);
  if (!pass) return Stop{ExitCode::refused, "cannot parse the pass from bonedry"};
  command.environment.emplace_back("BONEDRY_PASS", pass->token);
  command.environment.emplace_back("BONEDRY_PASS_HEADER", pass->header);
  return std::nullopt;
}

Roller::MaybeStop Roller::note(const RolledNode& node) {
  std::string line = "roll-step " + admin::quote_word(options_.pool) + " " +
                     admin::quote_word(node.name) + " " + to_string(node.step) + " --holder " +
                     token_;
  if (!node.failure.empty()) line += " --failed " + admin::quote_word(node.failure);
  return send(line);
}

Roller::MaybeStop Roller::send(const std::string& line, std::string* response) {
  const Instant until = clock_.now() + kRestartTimeLimit;
  while (true) {
    auto answer = ask(proxy_, line);
    const bool refused = answer && is_error(*answer);
    if (refused && *answer != admin::error_line(admin::kUpgrading)) {
      return Stop{ExitCode::refused, answer->substr(7, answer->find('\n') - 7)};
    }
    if (answer && !refused) {
      if (response != nullptr) *response = answer->substr(0, answer->find('\n'));
      return std::nullopt;
    }
    if (clock_.now() >= until) {
      return Stop{ExitCode::unreachable, answer ? *answer : answer.error(),
                  Stop::Cause::interrupted};
    }
    if (auto stop = pause(kRetryInterval)) return stop;
  }
}

Roller::MaybeStop Roller::pause(Millis duration) {
  const Instant until = clock_.now() + duration;
  for (Millis left = duration; left > Millis{0}; left = until - clock_.now()) {
    std::array<pollfd, 2> watched{{{interrupts_.fd(), POLLIN, 0}, {hold_.fd(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(),
           static_cast<int>(std::min(left, kRetryInterval).count()));
    hold_.run();
    if (const auto code = interrupts_.take()) {
      return Stop{*code, "interrupted", Stop::Cause::interrupted};
    }
    if (auto stop = check_hold()) return stop;
  }
  return std::nullopt;
}

Roller::MaybeStop Roller::check_hold() const {
  const auto& lost = hold_.lost();
  if (!lost) return std::nullopt;
  const bool unreachable = lost->cause == RollHold::Refusal::Cause::unreachable;
  return Stop{unreachable ? ExitCode::unreachable : ExitCode::cannot_succeed, lost->text,
              Stop::Cause::interrupted};
}

Result<PoolNode, Roller::Stop> Roller::find(const std::string& node) {
  std::string status;
  if (auto stop = send("status " + admin::quote_word(options_.pool) + " json", &status)) {
    return Failure<Stop>{*std::move(stop)};
  }
  const auto nodes = parse_pool(status, options_.pool);
  if (nodes) {
    const auto found = std::ranges::find(*nodes, node, &PoolNode::name);
    if (found != nodes->end()) return *found;
  }
  return Failure<Stop>{Stop{ExitCode::cannot_succeed, key(node) + " is no longer in the config"}};
}

ExitCode Roller::show_plan() {
  const auto status = ask(proxy_, "status " + admin::quote_word(options_.pool) + " json");
  if (!status) {
    std::fputs(admin::error_line(status.error()).c_str(), stderr);
    return ExitCode::unreachable;
  }
  const auto nodes = parse_pool(*status, options_.pool);
  if (!nodes) {
    std::fputs(status->c_str(), stderr);
    return ExitCode::refused;
  }
  report_.tell("plan", "", "would run for each node in turn: " + shown(options_.command));
  for (const PoolNode& node : *nodes) {
    const auto& only = options_.only;
    if (!only.empty() && std::ranges::find(only, node.name) == only.end()) continue;
    report_.tell("plan", node.name,
                 node.address + ", " + node.state + ", " + node.health + ", " +
                     std::to_string(node.users) + " sessions");
  }
  return ExitCode::done;
}

}  // namespace bonedry::ctl
