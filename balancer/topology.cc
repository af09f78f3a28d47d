#include "balancer/topology.h"

#include <algorithm>

namespace bonedry::balancer {

const PoolView* Topology::find_pool(std::string_view name) const {
  const auto found = std::ranges::find_if(
      pools, [name](const PoolView& pool) { return pool.config.name == name; });
  return found == pools.end() ? nullptr : &*found;
}

const NodeView* Topology::find_node(const NodeId& id) const {
  const PoolView* const pool = find_pool(id.pool);
  return pool == nullptr ? nullptr : balancer::find_node(*pool, id.name);
}

const NodeView* find_node(const PoolView& pool, std::string_view name) {
  const auto found = std::ranges::find_if(
      pool.nodes, [name](const NodeView& view) { return view.node->name() == name; });
  return found == pool.nodes.end() ? nullptr : &*found;
}

}  // namespace bonedry::balancer
