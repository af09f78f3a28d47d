#include "admin/cluster/control_nodes.h"

#include "admin/cluster/pool_fingerprints.h"

namespace bonedry::admin::cluster {

bool ControlNodes::has_sessions(const balancer::NodeId& node) const {
  const balancer::NodeView* const view = control_.topology()->find_node(node);
  return view != nullptr && view->node->sessions().read().all() > 0;
}

std::map<std::string, std::string> ControlNodes::pools() const {
  return pool_fingerprints(control_.config(), secrets_);
}

Millis ControlNodes::longest_session(std::string_view pool) const {
  const balancer::PoolView* const view = control_.topology()->find_pool(pool);
  return view == nullptr ? Millis{0} : session::longest_session(view->config.session);
}

}  // namespace bonedry::admin::cluster
