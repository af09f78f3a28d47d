#include "admin/pass_revocations.h"

#include "session/pass.h"

#include <algorithm>

namespace bonedry::admin {

void PassRevocations::revoke(const balancer::NodeId& node, WallTime until) {
  WallTime& revoked = all_.try_emplace(node, until).first->second;
  revoked = std::max(revoked, until);
}

void PassRevocations::forget_expired(WallTime now) {
  std::erase_if(all_,
                [now](const auto& entry) { return entry.second + session::kMaxPassTtl < now; });
}

std::optional<WallTime> PassRevocations::of(const balancer::NodeId& node) const {
  const auto found = all_.find(node);
  if (found == all_.end()) return std::nullopt;
  return found->second;
}

}  // namespace bonedry::admin
