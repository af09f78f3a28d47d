#pragma once

#include "admin/cluster/version_vector.h"
#include "admin/node_record.h"
#include "balancer/node_id.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace bonedry::admin::cluster {

/// How far the members are in calling a node dry.
enum class DryStage : std::uint8_t {
  none,
  agreed,     ///< all have said yes; each writes down that they have
  announced,  ///< all have written that down: the node is dry
};

/// The state of a node as the members share it. What concerns one member alone is not in it: the
/// address of a node that its config has lost, what it has warned of, its monotonic clock.
struct SharedState {
  VersionVector version;
  /// Names this time out of rotation: random, so that a vote for an earlier one counts for nothing.
  /// Empty: the node is active.
  std::string bleed;
  std::optional<NodeRecord> record;  ///< nothing: the node is active
  DryStage stage = DryStage::none;
  std::string round;  ///< in which the members have agreed; empty while `stage` is none

  friend bool operator==(const SharedState&, const SharedState&) = default;
};

/// A node that no member has ever taken out of rotation is not in it.
using SharedStates = std::map<balancer::NodeId, SharedState>;

/// What holds when two states of a node are known. The same, whichever is the first, so that all
/// members come to the same result. A state that was made in knowledge of the other replaces it. Of
/// two that were not, the one further out of rotation holds: maintenance before bleeding before
/// active, sessions displaced before not, the earlier deadline. The node is then not dry, unless it
/// was in the same time out of rotation: on the other side it may have had users.
[[nodiscard]] SharedState merge(const SharedState& one, const SharedState& other);

/// Whether two records are the same in what members share.
[[nodiscard]] bool shares_same(const std::optional<NodeRecord>& one,
                               const std::optional<NodeRecord>& other);

}  // namespace bonedry::admin::cluster
