#include "admin/removed_nodes.h"

#include "admin/find_pool.h"

#include <algorithm>

namespace bonedry::admin {

RemovedNodes::RemovedNodes(const NodeRecords& records, const conf::Config& config) {
  for (const auto& [id, kept] : records) {
    if (!kept.removed_from) continue;
    if (find_pool(config, id.pool) != nullptr) add(id.pool, {id.name, *kept.removed_from, 0, 0});
  }
}

void RemovedNodes::drop(const NodeIds& nodes) {
  std::erase_if(nodes_, [&nodes](const RemovedNode& removed) {
    return std::ranges::find(nodes, removed.id()) != nodes.end();
  });
}

bool RemovedNodes::contains(const balancer::NodeId& id) const {
  return std::ranges::any_of(nodes_,
                             [&id](const RemovedNode& removed) { return removed.id() == id; });
}

}  // namespace bonedry::admin
