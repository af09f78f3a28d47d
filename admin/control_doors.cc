// Doors that stay open for a moment.

#include "admin/control_plane.h"
#include "admin/phrases.h"

#include <algorithm>

namespace bonedry::admin {

using balancer::Door;
using balancer::NodeId;
using balancer::NodeView;
using balancer::PoolView;

/// The nodes that leave a pool go on taking new users until those that come are open: else all at
/// once, as by a reload, would leave none for a moment.
void ControlPlane::keep_last_doors_open(PoolView& pool, Nodes& kept_open) const {
  const auto has = [&pool](Door door) {
    return std::ranges::any_of(pool.nodes,
                               [door](const NodeView& one) { return one.door == door; });
  };
  const PoolView* const before = topology_ ? topology_->find_pool(pool.config.name) : nullptr;
  if (before == nullptr || has(Door::open) || !has(Door::opening)) return;
  for (NodeView& view : pool.nodes) {
    const NodeView* const was = balancer::find_node(*before, view.node->name());
    if (view.door != Door::sessions_only || was == nullptr || was->door != Door::open) continue;
    view.door = Door::open;
    view.weight = was->weight;
    kept_open.push_back(view.node->id());
  }
}

/// By the config; in the topology one may have its weight still, see above.
bool ControlPlane::is_weightless(const NodeId& id) const {
  return std::ranges::any_of(config_.pools, [&id](const conf::Pool& pool) {
    return pool.name == id.pool && std::ranges::any_of(pool.nodes, [&id](const conf::Node& node) {
             return node.weight == 0 && node.name == id.name;
           });
  });
}

}  // namespace bonedry::admin
