#include "balancer/guard.h"

#include <algorithm>
#include <string>

namespace bonedry::balancer {

namespace {

bool is_fit(const NodeView& view, Instant now) {
  return view.state == NodeState::active && !view.node->down(now);
}

/// If so, nodes whose first health check is pending do not count.
bool any_is_checked(const PoolView& pool, Instant now) {
  return std::ranges::any_of(pool.nodes, [&pool, now](const NodeView& view) {
    return is_fit(view, now) && !awaits_first_check(pool, *view.node);
  });
}

}  // namespace

Result<> check_guard(const PoolView& pool, std::string_view node_name, Instant now) {
  unsigned remaining = 0;
  std::uint64_t room = 0;
  bool unlimited = false;
  std::int64_t sessions = 0;
  const bool strict = any_is_checked(pool, now);
  for (const NodeView& view : pool.nodes) {
    sessions += view.node->session_load();
    if (view.node->name() == node_name) continue;
    if (!is_fit(view, now) || (strict && awaits_first_check(pool, *view.node))) continue;
    ++remaining;
    room += view.max_sessions;
    unlimited = unlimited || view.max_sessions == 0;
  }
  if (remaining < pool.config.min_active) {
    return Failure{"without " + std::string(node_name) + " pool " + pool.config.name +
                   " would have " + std::to_string(remaining) +
                   " active, healthy nodes; min_active is " +
                   std::to_string(pool.config.min_active)};
  }
  if (remaining > 0 && !unlimited && sessions > static_cast<std::int64_t>(room)) {
    return Failure{"without " + std::string(node_name) + " pool " + pool.config.name +
                   " could hold " + std::to_string(room) + " sessions (max_sessions), but it has " +
                   std::to_string(sessions)};
  }
  return Done{};
}

}  // namespace bonedry::balancer
