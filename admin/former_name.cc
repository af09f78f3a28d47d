#include "admin/former_name.h"

#include <algorithm>
#include <string>

namespace bonedry::admin {

using balancer::NodeId;

std::optional<NodeId> former_id(const session::Ledger& ledger, const conf::Pool& pool,
                                const conf::Node& node) {
  if (node.formerly.empty()) return std::nullopt;
  const auto known = ledger.nodes();
  const auto find = [&](const NodeId& id) {
    return std::ranges::find(known, id.text(), &session::LedgerNode::key);
  };
  const auto own = find({pool.name, node.name});
  // A slot without an address is left over from a node that is no longer there.
  const bool in_use =
      own != known.end() && (!own->address.empty() || ledger.counts(own->slot).read().all() > 0);
  if (in_use) return std::nullopt;
  for (const std::string& name : node.formerly) {
    if (find({pool.name, name}) != known.end()) return NodeId{pool.name, name};
  }
  return std::nullopt;
}

}  // namespace bonedry::admin
