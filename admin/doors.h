#pragma once

#include "admin/node_record.h"
#include "balancer/node_id.h"
#include "balancer/topology.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>

namespace bonedry::admin {

/// Version of a topology. Versions count up from 1.
using Version = std::uint64_t;

/// NodeIds whose doors differ from what the records say, as decided by another process.
struct DoorOverrides {
  std::set<balancer::NodeId> shut;
  std::set<balancer::NodeId> opening;
  std::set<balancer::NodeId> held = {};
};

/// The door of one node, from one topology to the next: what keeps it from being as the record
/// says, and since which version it is open or shut.
class NodeDoor {
 public:
  enum class Override : std::uint8_t {
    none,     ///< the door is as the record says
    shut,     ///< for the second dryness check, by this process or by its successor
    held,     ///< the same, but all members of the cluster must agree: its sessions wait
    opening,  ///< the successor lets no new user onto the node yet
  };

  /// The door in the next topology. `record`: null if the node is active. `acknowledged`: the
  /// newest version that all workers route by; 0: they start with the next one.
  [[nodiscard]] balancer::Door next(const NodeRecord* record, Version acknowledged) const;
  /// Whether all workers route by the last decision about the node.
  [[nodiscard]] bool is_acknowledged(Version acknowledged) const {
    return changed_in_ <= acknowledged;
  }
  /// Whether the door is shut or held in every version that a worker still routes by.
  [[nodiscard]] bool is_shut_everywhere(Version acknowledged) const {
    return shut_since_ != 0 && shut_since_ <= acknowledged;
  }
  [[nodiscard]] Override override_mode() const { return override_; }
  /// The last version in which it was open although the record says otherwise; 0: none.
  [[nodiscard]] Version deferred_in() const { return deferred_in_; }

  void set_override(Override how) { override_ = how; }
  /// Something else was decided, in force from version `in` on. Ends an override.
  void note_change(Version in);
  /// Whether nobody may enter until the second dryness check is over.
  [[nodiscard]] bool is_held_shut() const {
    return override_ == Override::shut || override_ == Override::held;
  }
  /// Version `in` has the node with this door; Door::shut also if it does not have the node.
  void publish(balancer::Door door, Version in);
  /// The door was left open in version `in` because the pool has no other open node yet; in the
  /// next version it is as the record says.
  void defer_shut(Version in);

 private:
  Override override_ = Override::none;
  Version changed_in_ = 0;
  Version present_since_ = 0;  // in the topology and not closed since this version; 0: it is not
  Version shut_since_ = 0;     // closed or not in the topology since this version; 0: it is not
  Version deferred_in_ = 0;
};

/// Who may enter which node: the two steps in which a door is shut for good, and the two in which
/// it is opened.
///
/// To shut it for good: the first check finds no users, so the door is held shut and published.
/// When all workers have acknowledged, the second check counts, because no user can come that it
/// does not see. If it finds no users, the node is dry, which is saved and published; otherwise the
/// door is as before.
///
/// Where all members of a cluster must agree, the door is Door::held instead, and its sessions
/// wait: a member that finds no users says yes, and its door stays held until the members have
/// agreed (the record then says that the node is dry) or the round is called off.
///
/// To open it: if one worker let in a new user at once, another worker that still holds the door
/// shut, or does not know the node, could move that user. So it is Door::opening until all workers
/// have acknowledged that, and then Door::open.
///
/// Owned by ControlPlane, which builds topologies by it and publishes them; main thread only.
class Doors {
 public:
  /// Whether a node has no users and none can come unseen.
  using HasNoUsers = std::function<bool(const balancer::PoolView&, const balancer::NodeView&)>;

  // -- From version to version
  [[nodiscard]] balancer::Door next(const balancer::NodeId& id, const NodeRecord* record) const;
  /// The record of the node was just changed, in force from version `in` on.
  void note_change(const balancer::NodeId& id, Version in) { doors_[id].note_change(in); }
  /// `topology` is in force; `shut_deferred`: those of its nodes that it leaves open because their
  /// pool has no other open node yet.
  void publish(const balancer::Topology& topology, const NodeIds& shut_deferred);
  /// All workers route by `version`.
  void acknowledge(Version version);
  [[nodiscard]] Version acknowledged() const { return acknowledged_; }
  [[nodiscard]] bool is_acknowledged(const balancer::NodeId& id) const;
  /// Whether a door of `topology` can be opened now, because all workers know that it is opening.
  [[nodiscard]] bool can_open(const balancer::Topology& topology, const NodeRecords& records) const;
  /// Whether a door was kept open in `version` or later that the next version shuts to new users.
  [[nodiscard]] bool has_deferred_close(Version version) const;

  // -- Dryness checks
  struct DrynessCandidates {
    NodeIds dry;         ///< all workers already hold the door shut, so no second check is needed
    NodeIds to_confirm;  ///< to be held shut for the second check
  };
  /// Checks the nodes of `topology` that are not active, dry, or waiting for their second check.
  [[nodiscard]] DrynessCandidates find_candidates(const balancer::Topology& topology,
                                                  const NodeRecords& records,
                                                  const HasNoUsers& has_no_users) const;
  void shut_for_confirmation(const NodeIds& nodes);
  /// The same for nodes of which all members of a cluster must agree that they are dry.
  void hold_for_agreement(const NodeIds& nodes);
  struct DrynessConfirmation {
    NodeIds dry;  ///< of a node held for agreement: here; its door stays held
    NodeIds still_in_use;
  };
  /// Checks those of `nodes` that are still held shut, if all workers know that, and ends the hold
  /// of those that are in use, and of those that were shut by `shut_for_confirmation`.
  [[nodiscard]] DrynessConfirmation confirm_dryness(const NodeIds& nodes,
                                                    const balancer::Topology& topology,
                                                    const HasNoUsers& has_no_users);
  /// Ends the hold without a check.
  void reopen_unconfirmed(const NodeIds& nodes);

  // -- In a process that follows its successor
  /// Sets these overrides and removes all others.
  void apply_overrides(const DoorOverrides& overrides);

  /// The node has another name from the next version on. Workers that route by the name it had know
  /// it as well.
  void rename(const balancer::NodeId& from, const balancer::NodeId& to);
  /// No worker routes to the node any more.
  void forget(const balancer::NodeId& id) { doors_.erase(id); }

 private:
  [[nodiscard]] bool is_held_shut(const balancer::NodeId& id) const;
  [[nodiscard]] bool is_shut_everywhere(const balancer::NodeId& id) const;

  std::map<balancer::NodeId, NodeDoor> doors_;  // a node that is not here has a default NodeDoor
  Version acknowledged_ = 0;
};

}  // namespace bonedry::admin
