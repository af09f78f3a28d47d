#include "admin/group_status.h"

#include <algorithm>

namespace bonedry::admin {

using balancer::NodeState;

std::vector<GroupStatus> groups_of(const PoolStatus& pool) {
  std::vector<GroupStatus> groups;
  for (const NodeStatus& node : pool.nodes) {
    if (node.group.empty()) continue;
    auto group = std::ranges::find(groups, node.group, &GroupStatus::name);
    if (group == groups.end()) group = groups.insert(group, GroupStatus{node.group});
    ++group->nodes;
    if (node.state == NodeState::active) ++group->active;
    if (node.state == NodeState::maintenance) ++group->maintained;
    if (node.dry) ++group->dry;
    group->live += node.live;
    group->pending += node.pending;
  }
  return groups;
}

std::string to_text(const GroupStatus& group) {
  const std::string name = "group " + group.name;
  if (group.active == group.nodes) return name + " is active";
  if (group.maintained == group.nodes) return name + " is in maintenance";
  if (group.dry == group.nodes) return name + " is dry";
  if (group.active > 0) {
    return name + " is active in part (" + std::to_string(group.active) + " of " +
           std::to_string(group.nodes) + " nodes)";
  }
  return name + " bleeds (" + std::to_string(group.live) + " live and " +
         std::to_string(group.pending) + " pending sessions)";
}

}  // namespace bonedry::admin
