#pragma once

#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/pass.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bonedry::session {

/// Why a pass is not valid.
enum class PassFault : std::uint8_t {
  unknown,  ///< damaged, forged, made for another pool, or with another secret
  expired,
  revoked,    ///< `pass --revoke` came after it
  node_gone,  ///< the pool has no such node any more
};

/// A pass that has been checked.
struct ValidPass {
  std::shared_ptr<balancer::Node> node;
  WallTime issued;
  WallTime expires;
};

/// Checks the passes of requests to one pool of one topology. Owned by one worker; `pool` must
/// outlive it.
class PassChecker {
 public:
  PassChecker(const balancer::PoolView& pool, std::span<const std::string> secrets);

  /// `wall`: now, by the proxy's wall clock. Costs about a microsecond.
  [[nodiscard]] Result<ValidPass, PassFault> check(std::string_view token, WallTime wall);

 private:
  const balancer::PoolView& pool_;
  PassSealer sealer_;
  std::unordered_map<NodeKey, std::size_t> nodes_;  // under every secret
};

/// Whether a pass for this node, issued at that time, has been revoked.
[[nodiscard]] inline bool is_revoked(WallTime issued, const balancer::NodeView& node) {
  return node.passes_revoked && issued <= *node.passes_revoked;
}

}  // namespace bonedry::session
