#include "admin/removed_nodes.h"

#include <algorithm>

namespace bonedry::admin {

RemovedNodes::RemovedNodes(const NodeRecords& records, const conf::Config& config) {
  for (const auto& [id, kept] : records) {
    if (!kept.removed_from) continue;
    const auto pool = std::ranges::find(config.pools, id.pool, &conf::Pool::name);
    if (pool != config.pools.end()) add(id.pool, {id.name, *kept.removed_from, 0, 0});
  }
}

void RemovedNodes::drop(const Nodes& nodes) {
  std::erase_if(nodes_, [&nodes](const RemovedNode& removed) {
    return std::ranges::find(nodes, removed.id()) != nodes.end();
  });
}

bool RemovedNodes::contains(const balancer::NodeId& id) const {
  return std::ranges::any_of(nodes_,
                             [&id](const RemovedNode& removed) { return removed.id() == id; });
}

}  // namespace bonedry::admin
