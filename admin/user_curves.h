#pragma once

#include "admin/node_record.h"
#include "admin/user_curve.h"
#include "balancer/node_id.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <map>

namespace bonedry::admin {

/// A curve as it is saved: with dates, since the monotonic clock begins anew with each boot.
struct SavedCurve {
  WallTime since;  ///< NodeRecord::since when it was saved: tells which bleed it belongs to
  WallTime began;  ///< when the node left rotation; earlier than `since` in maintenance
  UserCurve curve;

  friend bool operator==(const SavedCurve&, const SavedCurve&) = default;
};
using SavedCurves = std::map<balancer::NodeId, SavedCurve>;

/// The curves of the users who are left on the nodes that are out of rotation. A curve ends when
/// its node is activated, and goes on in maintenance; once the node is dry it stays as it is. Owned
/// by ControlPlane, main thread only. Memory: 2 KB for each node out of rotation.
class UserCurves {
 public:
  UserCurves() = default;
  /// What was saved before this start. Curves of other bleeds than those of the records are
  /// dropped. `records` with their Instants.
  UserCurves(SavedCurves saved, const NodeRecords& records);

  /// Notes what is there now. Call it several times a second.
  using UsersOf = std::function<std::int64_t(const balancer::Node&)>;
  void tick(const balancer::Topology& topology, const NodeRecords& records, Instant now,
            const UsersOf& users_of);
  /// The node has another name from now on.
  void rename(const balancer::NodeId& from, const balancer::NodeId& to);

  /// Null: there is none yet.
  [[nodiscard]] const UserCurve* of(const balancer::NodeId& id) const;
  [[nodiscard]] SavedCurves saved(const NodeRecords& records) const;

 private:
  struct Entry {
    Instant since;  // NodeRecord::since_monotonic
    Instant began;
    UserCurve curve;
  };

  [[nodiscard]] Entry& entry_of(const balancer::NodeId& id, const NodeRecord& record);

  std::map<balancer::NodeId, Entry> entries_;
};

}  // namespace bonedry::admin
