#include "session/pass_checker.h"

namespace bonedry::session {

PassChecker::PassChecker(const balancer::PoolView& pool, std::span<const std::string> secrets)
    : pool_(pool), sealer_(secrets, pool.config.name) {
  for (std::size_t index = 0; index < pool.nodes.size(); ++index) {
    for (std::size_t secret = 0; secret < sealer_.secrets(); ++secret) {
      nodes_.emplace(sealer_.node_key(secret, pool.nodes[index].node->name()), index);
    }
  }
}

Result<ValidPass, PassFault> PassChecker::check(std::string_view token, WallTime wall) {
  const std::optional<PassContent> content = sealer_.open(token);
  if (!content) return Failure{PassFault::unknown};
  if (content->expires <= wall) return Failure{PassFault::expired};
  const auto named = nodes_.find(content->node);
  if (named == nodes_.end()) return Failure{PassFault::node_gone};
  const balancer::NodeView& node = pool_.nodes[named->second];
  if (is_revoked(content->issued, node)) return Failure{PassFault::revoked};
  return ValidPass{node.node, content->issued, content->expires};
}

}  // namespace bonedry::session
