#include "admin/roll/render_roll.h"

#include "admin/json_text.h"
#include "admin/phrases.h"
#include "admin/printable.h"
#include "admin/text_table.h"
#include "proxy/base/duration.h"
#include "proxy/base/utc.h"

#include <algorithm>

namespace bonedry::admin {
namespace {

std::string age(WallTime since, WallTime now) {
  return format_duration(std::max(now - since, Millis{0}));
}

std::string state_text(const Roll& roll, WallTime now) {
  if (roll.state != RollState::unfinished) return to_string(roll.state);
  if (!roll.holder) return "stopped; 'bonedryctl roll' with the same command goes on";
  return "run by " + roll.holder->by + " for " + age(roll.holder->since, now);
}

}  // namespace

std::string render_text(const Roll& roll, WallTime now) {
  std::string text =
      printable("roll of " + roll.pool + ", begun " + age(roll.since, now) + " ago" +
                who(roll.by, "") + ": " + progress_text(roll) + ", " + state_text(roll, now)) +
      "\n" + printable("  command: " + roll.plan.command) + "\n";
  if (!roll.plan.test.empty()) text += printable("  test: " + roll.plan.test) + "\n";
  TextTable table({{"NODE"}, {"STEP"}, {"FAILED"}});
  for (const RolledNode& node : roll.nodes) {
    table.add({node.name, to_string(node.step), node.failure.empty() ? "-" : node.failure});
  }
  return text + table.str();
}

std::string render_json(const Roll& roll) {
  Json nodes = Json::array();
  for (const RolledNode& node : roll.nodes) {
    nodes.push_back({{"name", node.name},
                     {"step", to_string(node.step)},
                     {"failure", node.failure.empty() ? Json(nullptr) : Json(node.failure)}});
  }
  Json held = nullptr;
  if (roll.holder) {
    held = {{"by", roll.holder->by}, {"since", rfc3339(roll.holder->since, Precision::seconds)}};
  }
  const RollPlan& plan = roll.plan;
  return one_line({{"pool", roll.pool},
                   {"state", to_string(roll.state)},
                   {"by", roll.by},
                   {"since", rfc3339(roll.since, Precision::seconds)},
                   {"held", std::move(held)},
                   {"command", plan.command},
                   {"test", plan.test.empty() ? Json(nullptr) : Json(plan.test)},
                   {"only", plan.only},
                   {"deadline_s", plan.deadline ? Json(seconds(*plan.deadline)) : Json(nullptr)},
                   {"settle_s", seconds(plan.settle)},
                   {"keep_going", plan.on_failure == OnRollFailure::keep_going},
                   {"nodes", std::move(nodes)}});
}

}  // namespace bonedry::admin
