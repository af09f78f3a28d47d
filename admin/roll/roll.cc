#include "admin/roll/roll.h"

#include <algorithm>

namespace bonedry::admin {

const char* to_string(RollStep step) {
  switch (step) {
    case RollStep::waiting:
      return "waiting";
    case RollStep::bleeding:
      return "bleeding";
    case RollStep::updating:
      return "updating";
    case RollStep::testing:
      return "testing";
    case RollStep::settling:
      return "settling";
    case RollStep::done:
      return "done";
  }
  return "?";
}

std::optional<RollStep> roll_step(std::string_view name) {
  for (const RollStep step : {RollStep::waiting, RollStep::bleeding, RollStep::updating,
                              RollStep::testing, RollStep::settling, RollStep::done}) {
    if (name == to_string(step)) return step;
  }
  return std::nullopt;
}

const char* to_string(RollState state) {
  switch (state) {
    case RollState::unfinished:
      return "unfinished";
    case RollState::finished:
      return "finished";
    case RollState::abandoned:
      return "abandoned";
  }
  return "?";
}

std::string progress_text(const Roll& roll) {
  const auto done = std::ranges::count(roll.nodes, RollStep::done, &RolledNode::step);
  return std::to_string(done) + " of " + std::to_string(roll.nodes.size()) +
         (roll.nodes.size() == 1 ? " node done" : " nodes done");
}

}  // namespace bonedry::admin
