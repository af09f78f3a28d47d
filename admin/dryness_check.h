#pragma once

#include "admin/doors.h"
#include "admin/peers.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// What keeps a node from being dry, at the time of the call. Owned by ControlPlane, main thread
/// only.
class DrynessCheck {
 public:
  /// `lagging_process`: names the other process that has not applied what was published last; "":
  /// none. All must outlive this.
  DrynessCheck(const Clock& clock, const session::Ledger& ledger, const Doors& doors,
               std::function<std::string()> lagging_process)
      : clock_(clock),
        ledger_(ledger),
        doors_(doors),
        lagging_process_(std::move(lagging_process)) {}

  /// Null: one proxy alone.
  void join(const Peers* peers) { peers_ = peers; }

  /// Texts for people. Empty: the node has no users, and none can come unseen; in a cluster, on all
  /// members.
  [[nodiscard]] std::vector<std::string> blocked_by(const balancer::PoolView& pool,
                                                    const balancer::NodeView& view) const;
  /// The same for this member of a cluster alone.
  [[nodiscard]] std::vector<std::string> blocked_here(const balancer::PoolView& pool,
                                                      const balancer::NodeView& view) const;
  /// For how long cookies that the ledger does not know may still come for the node; 0: the ledger
  /// is complete.
  [[nodiscard]] Millis ledger_incomplete_for(const balancer::PoolView& pool,
                                             const balancer::NodeView& view) const;

 private:
  const Clock& clock_;
  const session::Ledger& ledger_;
  const Doors& doors_;
  std::function<std::string()> lagging_process_;
  const Peers* peers_ = nullptr;
};

}  // namespace bonedry::admin
