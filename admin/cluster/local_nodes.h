#pragma once

#include "admin/dry_forecast.h"
#include "admin/node_record.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::admin::cluster {

/// The nodes of this member, as Cluster needs them: ControlPlane, or a model in tests. Main thread.
class LocalNodes {
 public:
  /// What others have decided about nodes; nothing: active.
  using Decisions = std::map<balancer::NodeId, std::optional<NodeRecord>>;

  virtual ~LocalNodes() = default;
  [[nodiscard]] virtual const NodeRecords& records() const = 0;
  /// Whether this process decides for the member. Another one does during and after an upgrade.
  [[nodiscard]] virtual bool decides() const = 0;
  /// Whether this member routes to the node.
  [[nodiscard]] virtual bool has(const balancer::NodeId& node) const = 0;
  /// Puts it in force, and saves it. Nodes that this member does not have are left out. An error:
  /// it could not be saved, but is in force: whoever was let onto a node elsewhere must not be
  /// moved here, nor a node be called dry, because a disk is full. Call `save` later.
  [[nodiscard]] virtual Result<> apply(const Decisions& decisions) = 0;
  /// Saves what is in force.
  [[nodiscard]] virtual Result<> save() = 0;
  /// Tells the workers of states that are known now, also where nothing changes for them: their
  /// acknowledgement is what the others wait for.
  virtual void publish() = 0;
  /// What keeps the node from being dry on this member alone, now. A member that does not have the
  /// node has no users there.
  [[nodiscard]] virtual std::vector<std::string> blocked_by(const balancer::NodeId& node) const = 0;
  /// How long until the node is dry, by the users of this member alone.
  [[nodiscard]] virtual DryOutlook outlook(const balancer::NodeId& node) const = 0;
  /// Whether the ledger has sessions on the node.
  [[nodiscard]] virtual bool has_sessions(const balancer::NodeId& node) const = 0;
  /// The node is not dry, whatever was announced: this member has users there.
  virtual void retract_dryness(const balancer::NodeId& node) = 0;
  /// Lets requests for the nodes wait; calls `held`, never from inside, when all workers know.
  virtual void hold(const NodeIds& nodes, std::function<void()> held) = 0;
  virtual void release(const NodeIds& nodes) = 0;
  /// Fingerprints of what must be the same on all members, by pool.
  [[nodiscard]] virtual std::map<std::string, std::string> pools() const = 0;
  /// How long a session of this pool can still live when nothing more is known of it.
  [[nodiscard]] virtual Millis longest_session(std::string_view pool) const = 0;
  /// In the ledger.
  [[nodiscard]] virtual std::uint64_t sessions() const = 0;
};

}  // namespace bonedry::admin::cluster
