#pragma once

#include "admin/ctl/admin_request.h"
#include "admin/ctl/exit_code.h"
#include "admin/ctl/interrupts.h"
#include "admin/ctl/progress.h"
#include "admin/ctl/roll/child_command.h"
#include "admin/ctl/roll/roll_hold.h"
#include "admin/ctl/roll/roll_options.h"
#include "admin/ctl/roll/roll_plan.h"
#include "admin/ctl/roll/roll_report.h"
#include "admin/ctl/waiter.h"
#include "admin/roll/roll.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::ctl {

/// Carries out a roll: for each node bleed, wait, maintain, run the command, wait for health, test,
/// activate, settle. Each step can be repeated, so a roll that was killed at any point goes on
/// where it stopped; see admin/roll/roll.h for the steps that the proxy remembers.
class Roller {
 public:
  Roller(ProxyAddress proxy, RollOptions options, const RollReport& report);

  ExitCode run();

 private:
  /// Why a node, or the whole roll, did not go on.
  struct Stop {
    ExitCode code = ExitCode::refused;
    std::string text;
    /// Whether the node has failed; otherwise the roll was interrupted.
    enum class Cause : std::uint8_t { failed, interrupted } cause = Cause::failed;
    std::optional<int> exit_code = {};  ///< of the operator's command
  };
  using MaybeStop = std::optional<Stop>;  // nothing: go on

  ExitCode show_plan();
  ExitCode roll_all(const std::vector<admin::RolledNode>& nodes);
  MaybeStop roll_one(const admin::RolledNode& node);
  MaybeStop carry_out(admin::RollStep step, const std::string& node);
  MaybeStop bleed(const std::string& node);
  /// Whether the proxy may not have checked all of its nodes yet.
  [[nodiscard]] bool has_just_started();
  MaybeStop update(const std::string& node);
  MaybeStop test(const std::string& node);
  MaybeStop settle(const std::string& node);
  MaybeStop wait(const std::string& node, Goal goal, std::optional<Millis> timeout);
  MaybeStop run_for(const std::string& node, ChildCommand command, const std::string& what);
  MaybeStop add_pass(const std::string& node, ChildCommand& command);
  MaybeStop note(const admin::RolledNode& step);
  /// Sends a command, again while the proxy is being restarted.
  MaybeStop send(const std::string& line, std::string* response = nullptr);
  /// Lets time pass. Stops when interrupted, or when the roll is not held any more.
  MaybeStop pause(Millis duration);
  [[nodiscard]] MaybeStop check_hold() const;
  Result<PoolNode, Stop> find(const std::string& node);
  [[nodiscard]] std::string line() const;
  [[nodiscard]] std::string key(const std::string& node) const;
  void fail(const std::string& node, const Stop& stop);

  // Many: a roll is options, the hold, and the ways to wait.
  SystemClock clock_;
  ProxyAddress proxy_;
  RollOptions options_;
  const RollReport& report_;
  std::string token_;
  Interrupts interrupts_;
  Progress progress_;
  RollHold hold_;
  admin::RollStep step_ = admin::RollStep::waiting;  // of the node that is being rolled
};

}  // namespace bonedry::ctl
