#include "balancer/guard.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

namespace bonedry::balancer {

namespace {

/// What is left of a pool when only some of its nodes take users.
struct Remainder {
  unsigned nodes = 0;
  std::uint64_t room = 0;  ///< sessions; meaningless if `unlimited`
  bool unlimited = false;
};

Remainder remainder_of(const std::vector<const NodeView*>& nodes) {
  Remainder left;
  for (const NodeView* const view : nodes) {
    ++left.nodes;
    left.room += view->max_sessions;
    left.unlimited = left.unlimited || view->max_sessions == 0;
  }
  return left;
}

/// The nodes that are not down, without those whose first check is pending if one of `asked` has
/// had its first check.
std::vector<const NodeView*> fit(const PoolView& pool, const std::vector<const NodeView*>& asked,
                                 Instant now) {
  std::vector<const NodeView*> up;
  std::ranges::copy_if(asked, std::back_inserter(up),
                       [now](const NodeView* view) { return !view->node->down(now); });
  const auto unchecked = [&pool](const NodeView* view) {
    return awaits_first_check(pool, *view->node);
  };
  if (!std::ranges::all_of(up, unchecked)) std::erase_if(up, unchecked);
  return up;
}

/// `subject`: "without alice pool shop", for the reason.
Result<> check_remainder(const PoolView& pool, const Remainder& left, const std::string& subject) {
  if (left.nodes < pool.config.min_active) {
    return Failure{subject + " would have " + std::to_string(left.nodes) +
                   " active, healthy nodes; min_active is " +
                   std::to_string(pool.config.min_active)};
  }
  std::int64_t sessions = 0;
  for (const NodeView& view : pool.nodes) sessions += view.node->session_load();
  if (left.nodes > 0 && !left.unlimited && sessions > static_cast<std::int64_t>(left.room)) {
    return Failure{subject + " could hold " + std::to_string(left.room) +
                   " sessions (max_sessions), but it has " + std::to_string(sessions)};
  }
  return Done{};
}

}  // namespace

Result<> check_guard(const PoolView& pool, std::string_view node_name, Instant now) {
  std::vector<const NodeView*> active;
  for (const NodeView& view : pool.nodes) {
    if (view.state == NodeState::active) active.push_back(&view);
  }
  std::vector<const NodeView*> left = fit(pool, active, now);
  std::erase_if(left, [&](const NodeView* view) { return view->node->name() == node_name; });
  return check_remainder(pool, remainder_of(left),
                         "without " + std::string(node_name) + " pool " + pool.config.name);
}

Result<> check_group(const PoolView& pool, std::string_view group, Instant now) {
  std::vector<const NodeView*> members;
  for (const NodeView& view : pool.nodes) {
    if (view.group == group) members.push_back(&view);
  }
  return check_remainder(pool, remainder_of(fit(pool, members, now)),
                         "with group " + std::string(group) + " alone pool " + pool.config.name);
}

}  // namespace bonedry::balancer
