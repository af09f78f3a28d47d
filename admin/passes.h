#pragma once

#include "admin/pass_revocations.h"
#include "admin/pass_store.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// Issues passes and revokes them. Main thread only.
class Passes {
 public:
  /// `secrets`: see PassSealer. `clock` and `store` must outlive this.
  Passes(const Clock& clock, PassStore& store, std::vector<std::string> secrets)
      : clock_(clock), store_(store), secrets_(std::move(secrets)) {}

  /// Reads what has been revoked, by this process or another one. An error leaves everything as it
  /// was.
  [[nodiscard]] Result<> load();
  /// Voids all passes for these nodes that exist now, without saving that: what has been revoked
  /// cannot be read.
  void distrust(const std::vector<balancer::NodeId>& nodes);

  /// Returns the token of a pass that is valid from now on for `ttl`, see PassSealer::seal.
  [[nodiscard]] std::string issue(const balancer::NodeId& node, Millis ttl);
  /// Voids and saves: all passes for the node that exist now. An error leaves everything as it was.
  [[nodiscard]] Result<> revoke(const balancer::NodeId& node);

  [[nodiscard]] const PassRevocations& revocations() const { return revocations_; }

 private:
  /// The time up to which all passes that exist now were issued.
  [[nodiscard]] WallTime last_issued(const balancer::NodeId& node) const;

  const Clock& clock_;
  PassStore& store_;
  const std::vector<std::string> secrets_;
  PassRevocations revocations_;
  // Issue times only grow, even if the wall clock is set back, so that a pass is older than a
  // revocation if and only if its time is.
  std::map<balancer::NodeId, WallTime> issued_;
};

}  // namespace bonedry::admin
