#include "admin/http_door/readiness.h"

#include <algorithm>

namespace bonedry::admin::http_door {
namespace {

/// Marks of passive checks never leave a pool empty, but a node that active checks found down gets
/// nobody.
bool takes_new_users(const NodeStatus& node, PoolChecks checks) {
  const bool down = checks == PoolChecks::active && node.health == balancer::Health::down;
  return node.state == balancer::NodeState::active && !node.removed && !down;
}

}  // namespace

std::vector<std::string> not_ready(const Status& status) {
  std::vector<std::string> problems;
  for (const PoolStatus& pool : status.pools) {
    const bool any = std::ranges::any_of(
        pool.nodes, [&pool](const NodeStatus& node) { return takes_new_users(node, pool.checks); });
    if (!any) problems.push_back("pool " + pool.name + " has no node for new users");
  }
  return problems;
}

}  // namespace bonedry::admin::http_door
