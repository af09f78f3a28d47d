#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A rolling update of a pool, as values. bonedryctl carries it out; the proxy keeps its plan and
/// its progress, so that they outlive both programs.
namespace bonedry::admin {

/// What is done with a node, in this order. A step is entered before its work begins, so what is
/// known to be done is every step before.
enum class RollStep : std::uint8_t {
  waiting,   ///< its turn has not come
  bleeding,  ///< it is bled until it is dry, then taken out of rotation
  updating,  ///< the operator's command runs
  testing,   ///< the command has succeeded: wait for health, test, activate
  settling,  ///< it is active, and watched for a while
  done,
};
[[nodiscard]] const char* to_string(RollStep step);
[[nodiscard]] std::optional<RollStep> roll_step(std::string_view name);

struct RolledNode {
  std::string name;
  RollStep step = RollStep::waiting;
  std::string failure = {};  ///< why the step failed when it was tried last; empty: it did not

  friend bool operator==(const RolledNode&, const RolledNode&) = default;
};

/// What to do with the other nodes when a node has failed.
enum class OnRollFailure : std::uint8_t { stop, keep_going };

struct RollPlan {
  std::string command;            ///< as shown to people
  std::string test = {};          ///< likewise; empty: none
  std::vector<std::string> only;  ///< the nodes to roll; empty: all of the pool
  std::optional<Millis> deadline = {};
  Millis settle{0};
  OnRollFailure on_failure = OnRollFailure::stop;

  friend bool operator==(const RollPlan&, const RollPlan&) = default;
};

enum class RollState : std::uint8_t { unfinished, finished, abandoned };
[[nodiscard]] const char* to_string(RollState state);

/// Who carries out a roll at the moment.
struct RollHolder {
  std::string token;  ///< names one run of bonedryctl
  std::string by;     ///< the user
  WallTime since;

  friend bool operator==(const RollHolder&, const RollHolder&) = default;
};

struct Roll {
  std::string pool;
  RollState state = RollState::unfinished;
  std::string by;  ///< who began it
  WallTime since;
  RollPlan plan;
  std::vector<RolledNode> nodes;
  std::optional<RollHolder> holder = {};  ///< empty: nobody

  friend bool operator==(const Roll&, const Roll&) = default;
};

/// "2 of 3 nodes done"
[[nodiscard]] std::string progress_text(const Roll& roll);

}  // namespace bonedry::admin
