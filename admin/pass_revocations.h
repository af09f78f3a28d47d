#pragma once

#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <map>
#include <optional>

namespace bonedry::admin {

/// Which passes are void: those for a node that were issued up to a certain time. By time, so that
/// the passes of other proxies, which have the same secret, are void here as well. A value.
class PassRevocations {
 public:
  using Map = std::map<balancer::NodeId, WallTime>;

  PassRevocations() = default;
  explicit PassRevocations(Map all) : all_(std::move(all)) {}

  /// All passes for the node that were issued at `until` or before are void. Never takes back what
  /// was revoked before.
  void revoke(const balancer::NodeId& node, WallTime until);
  /// Forgets revocations of passes that have all expired by now.
  void forget_expired(WallTime now);

  /// Nothing: no passes of the node are void.
  [[nodiscard]] std::optional<WallTime> of(const balancer::NodeId& node) const;
  [[nodiscard]] const Map& all() const { return all_; }

  friend bool operator==(const PassRevocations&, const PassRevocations&) = default;

 private:
  Map all_;
};

}  // namespace bonedry::admin
