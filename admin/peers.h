#pragma once

#include "admin/cluster_status.h"
#include "admin/dry_forecast.h"
#include "admin/node_record.h"
#include "balancer/node_id.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {

/// Which members of a cluster a command is for.
enum class AppliesTo : std::uint8_t {
  all_members,  ///< refused while they cannot be told
  this_member,  ///< whether or not the others can be told
};

/// The users of one node on all members, each counted once.
struct SharedUsers {
  std::int64_t live = 0;
  std::int64_t pending = 0;
};

/// The other members of the cluster, as the control plane sees them. Main thread.
class Peers {
 public:
  /// Why states of nodes cannot be changed for all members now; empty: they can.
  [[nodiscard]] virtual std::string cannot_change() const = 0;
  /// This member has saved `records`, in which those of `nodes` may have changed: a command, a
  /// reload, a deadline. Called before the change is published.
  virtual void note_change(const NodeIds& nodes, const NodeRecords& records) = 0;
  /// Whether this member applies deadlines.
  [[nodiscard]] virtual bool leads() const = 0;
  /// What others have or say that keeps the node from being dry, each text naming the member.
  [[nodiscard]] virtual std::vector<std::string> blocked_by(const balancer::NodeId& node) const = 0;
  /// The members that cannot be heard now.
  [[nodiscard]] virtual std::vector<std::string> unheard() const = 0;
  /// See ClusterStatus::counted. Nothing: only this member's users are known.
  [[nodiscard]] virtual std::optional<SharedUsers> users(const balancer::NodeId& node) const = 0;
  /// How long until the node, which is out of rotation, is dry by what the other members have said.
  [[nodiscard]] virtual DryOutlook outlook_elsewhere(const balancer::NodeId& node) const = 0;
  /// The sessions of the node have just been taken off it here.
  virtual void note_displaced(const balancer::NodeId& node) = 0;
  [[nodiscard]] virtual ClusterStatus status() const = 0;
  /// An operator's word that the process of a member has ended. The error is for people.
  [[nodiscard]] virtual Result<> forget(const std::string& name, const std::string& by) = 0;
  /// An operator lets this member serve without having met the others. The error is for people.
  [[nodiscard]] virtual Result<> start_alone(const std::string& by) = 0;

 protected:
  ~Peers() = default;
};

}  // namespace bonedry::admin
