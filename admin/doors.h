#pragma once

#include "admin/node_record.h"
#include "balancer/node_id.h"
#include "balancer/topology.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>

namespace bonedry::admin {

/// Of a topology: they count up from 1.
using Version = std::uint64_t;

/// Nodes whose doors another process says are not what the records say.
struct DoorOverrides {
  std::set<balancer::NodeId> shut;
  std::set<balancer::NodeId> opening;
};

/// The door of one node, from one topology to the next: what keeps it from being as the record
/// says, and since which version what is so.
class NodeDoor {
 public:
  enum class Override : std::uint8_t {
    none,     ///< it is as the record says
    shut,     ///< for the second look at dryness, by this process or by its successor
    opening,  ///< the successor lets no new user onto the node yet
  };

  /// In the next topology. `record`: null, the node is active. `acknowledged`: the newest version
  /// that all workers route by; 0: they start with the next one.
  [[nodiscard]] balancer::Door next(const NodeRecord* record, Version acknowledged) const;
  /// Whether all workers route by what was last decided about the node.
  [[nodiscard]] bool is_acknowledged(Version acknowledged) const {
    return changed_in_ <= acknowledged;
  }
  /// Whether no worker routes by a version in which it is not shut.
  [[nodiscard]] bool is_shut_everywhere(Version acknowledged) const {
    return shut_since_ != 0 && shut_since_ <= acknowledged;
  }
  [[nodiscard]] Override override_mode() const { return override_; }
  /// The last version in which it was open although the record says otherwise; 0: in none.
  [[nodiscard]] Version deferred_in() const { return deferred_in_; }

  void set_override(Override how) { override_ = how; }
  /// Something else was decided, which `in` is the first to say. It ends a hold.
  void note_change(Version in);
  /// `in` has the node with this door; Door::shut also if it does not have the node.
  void publish(balancer::Door door, Version in);
  /// It was left open in `in` for want of others; in the next version it is as the record says.
  void defer_close(Version in);

 private:
  Override override_ = Override::none;
  Version changed_in_ = 0;
  Version present_since_ = 0;  // from here on it was there and not shut; 0: it is not
  Version shut_since_ = 0;     // from here on it was shut, or not there; 0: it is not
  Version deferred_in_ = 0;
};

/// Who may enter which node: the two steps in which a door is shut for good, and the two in which
/// it is opened.
///
/// To shut it for good: the first look finds nobody, so the door is held shut and published. When
/// all workers have acknowledged, the second look counts, as nobody can come that it does not see:
/// with nobody there the node is dry, which is written down and published; else the door is as
/// before.
///
/// To open it: a worker that let a new user in at once could see that user moved by another one
/// that still holds the door shut, or does not know the node. So it is Door::opening, until all
/// workers have acknowledged that, and then Door::open.
///
/// Owned by ControlPlane, which builds topologies by it and publishes them; main thread only.
class Doors {
 public:
  /// Whether nobody is on a node and nobody can come that this does not see.
  using HasNoUsers = std::function<bool(const balancer::PoolView&, const balancer::NodeView&)>;

  // -- One version after the other
  [[nodiscard]] balancer::Door next(const balancer::NodeId& id, const NodeRecord* record) const;
  /// What the record of the node says from version `in` on was just decided.
  void note_change(const balancer::NodeId& id, Version in) { doors_[id].note_change(in); }
  /// `topology` is in force; `close_deferred`: those of its nodes that it leaves open for want of
  /// others.
  void publish(const balancer::Topology& topology, const Nodes& close_deferred);
  /// All workers route by `version`.
  void acknowledge(Version version);
  [[nodiscard]] Version acknowledged() const { return acknowledged_; }
  [[nodiscard]] bool is_acknowledged(const balancer::NodeId& id) const;
  /// Whether a door of `topology` can be opened now, as all workers know that it will be.
  [[nodiscard]] bool can_open(const balancer::Topology& topology, const NodeRecords& records) const;
  /// Whether a door was kept open in `version` or later, which the next one shuts to new users.
  [[nodiscard]] bool has_deferred_close(Version version) const;

  // -- Looks at dryness
  struct DrynessCandidates {
    Nodes dry;  ///< all workers hold the door shut already, so that this look was the second, too
    Nodes to_confirm;  ///< to be held shut for the second look
  };
  /// At the nodes of `topology` that are not active, dry, or waiting for their second look.
  [[nodiscard]] DrynessCandidates find_candidates(const balancer::Topology& topology,
                                                  const NodeRecords& records,
                                                  const HasNoUsers& has_no_users) const;
  void shut_for_confirmation(const Nodes& nodes);
  struct DrynessConfirmation {
    Nodes dry;
    Nodes still_in_use;
  };
  /// At those of `nodes` that are still held shut, which all workers know; they are let go.
  [[nodiscard]] DrynessConfirmation confirm_dryness(const Nodes& nodes,
                                                    const balancer::Topology& topology,
                                                    const HasNoUsers& has_no_users);
  void reopen_unconfirmed(const Nodes& nodes);

  // -- In a process that routes as its successor does
  /// These are held, and no others.
  void apply_overrides(const DoorOverrides& held);

  /// No worker routes to the node any more.
  void forget(const balancer::NodeId& id) { doors_.erase(id); }

 private:
  [[nodiscard]] bool is_held_shut(const balancer::NodeId& id) const;
  [[nodiscard]] bool is_shut_everywhere(const balancer::NodeId& id) const;

  std::map<balancer::NodeId, NodeDoor> doors_;  // a node that is not here has an untouched one
  Version acknowledged_ = 0;
};

}  // namespace bonedry::admin
