#include "admin/doors.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin {

using balancer::Door;
using balancer::NodeId;
using balancer::NodeState;
using balancer::NodeView;
using balancer::PoolView;

namespace {

Door door_of(const NodeRecord* record) {
  if (record == nullptr) return Door::open;
  const bool shut = record->state == NodeState::maintenance || record->dry == Dry::yes ||
                    record->displaced == Displaced::yes;
  return shut ? Door::shut : Door::sessions_only;
}

}  // namespace

Door NodeDoor::next(const NodeRecord* record, Version acknowledged) const {
  if (record != nullptr && override_ == Override::shut) return Door::shut;
  const Door wanted = door_of(record);
  // Whom a deadline or maintenance sends away does not wait.
  if (override_ == Override::held && wanted == Door::sessions_only) return Door::held;
  if (wanted != Door::open || acknowledged == 0) return wanted;
  if (override_ == Override::opening) return Door::opening;
  return present_since_ != 0 && present_since_ <= acknowledged ? Door::open : Door::opening;
}

void NodeDoor::note_change(Version in) {
  changed_in_ = in;
  set_override(Override::none);  // earlier checks no longer count
}

void NodeDoor::publish(Door door, Version in) {
  const bool closed = balancer::is_closed(door);
  Version& since = closed ? shut_since_ : present_since_;
  Version& over = closed ? present_since_ : shut_since_;
  if (since == 0) since = in;
  over = 0;
}

void NodeDoor::defer_shut(Version in) {
  deferred_in_ = in;
  changed_in_ = in + 1;
}

Door Doors::next(const NodeId& id, const NodeRecord* record) const {
  const auto found = doors_.find(id);
  return (found == doors_.end() ? NodeDoor() : found->second).next(record, acknowledged_);
}

void Doors::publish(const balancer::Topology& topology, const NodeIds& shut_deferred) {
  std::map<NodeId, Door> published;
  for (const PoolView& pool : topology.pools) {
    for (const NodeView& view : pool.nodes) {
      published.emplace(view.node->id(), view.door);
      doors_.try_emplace(view.node->id());
    }
  }
  for (auto& [id, door] : doors_) {
    const auto found = published.find(id);
    door.publish(found == published.end() ? Door::shut : found->second, topology.version);
  }
  for (const NodeId& id : shut_deferred) doors_[id].defer_shut(topology.version);
}

void Doors::acknowledge(Version version) {
  acknowledged_ = std::max(acknowledged_, version);
}

bool Doors::is_acknowledged(const NodeId& id) const {
  const auto found = doors_.find(id);
  return found == doors_.end() || found->second.is_acknowledged(acknowledged_);
}

bool Doors::can_open(const balancer::Topology& topology, const NodeRecords& records) const {
  return std::ranges::any_of(topology.pools, [&](const PoolView& pool) {
    return std::ranges::any_of(pool.nodes, [&](const NodeView& view) {
      const NodeId& id = view.node->id();
      return view.door == Door::opening && next(id, find_record(records, id)) == Door::open;
    });
  });
}

bool Doors::has_deferred_close(Version version) const {
  return std::ranges::any_of(
      doors_, [version](const auto& one) { return one.second.deferred_in() >= version; });
}

bool Doors::is_shut_everywhere(const NodeId& id) const {
  const auto found = doors_.find(id);
  return found != doors_.end() && found->second.is_shut_everywhere(acknowledged_);
}

bool Doors::is_held_shut(const NodeId& id) const {
  const auto found = doors_.find(id);
  return found != doors_.end() && found->second.is_held_shut();
}

void Doors::rename(const NodeId& from, const NodeId& to) {
  doors_.erase(to);
  auto door = doors_.extract(from);
  if (door.empty()) return;
  door.key() = to;
  doors_.insert(std::move(door));
}

Doors::DrynessCandidates Doors::find_candidates(const balancer::Topology& topology,
                                                const NodeRecords& records,
                                                const HasNoUsers& has_no_users) const {
  DrynessCandidates look;
  for (const PoolView& pool : topology.pools) {
    for (const NodeView& view : pool.nodes) {
      const NodeId& id = view.node->id();
      const NodeRecord* const record = find_record(records, id);
      if (record == nullptr || record->dry == Dry::yes || is_held_shut(id)) continue;
      if (!has_no_users(pool, view)) continue;
      if (!balancer::is_closed(view.door)) {
        look.to_confirm.push_back(id);
      } else if (is_shut_everywhere(id)) {
        look.dry.push_back(id);
      }
    }
  }
  return look;
}

void Doors::shut_for_confirmation(const NodeIds& nodes) {
  for (const NodeId& id : nodes) doors_[id].set_override(NodeDoor::Override::shut);
}

void Doors::hold_for_agreement(const NodeIds& nodes) {
  for (const NodeId& id : nodes) doors_[id].set_override(NodeDoor::Override::held);
}

Doors::DrynessConfirmation Doors::confirm_dryness(const NodeIds& nodes,
                                                  const balancer::Topology& topology,
                                                  const HasNoUsers& has_no_users) {
  DrynessConfirmation look;
  for (const NodeId& id : nodes) {
    if (!is_held_shut(id)) continue;  // something else was decided meanwhile
    // This is a later hold that some worker does not know yet; it has a check of its own.
    if (!is_shut_everywhere(id)) continue;
    const PoolView* const pool = topology.find_pool(id.pool);
    const NodeView* const view = pool == nullptr ? nullptr : balancer::find_node(*pool, id.name);
    const bool is_empty = view != nullptr && has_no_users(*pool, *view);
    NodeDoor& door = doors_[id];
    const bool awaits_others = door.override_mode() == NodeDoor::Override::held;
    if (!is_empty || !awaits_others) door.set_override(NodeDoor::Override::none);
    if (view == nullptr) continue;  // removed by a reload meanwhile
    (is_empty ? look.dry : look.still_in_use).push_back(id);
  }
  return look;
}

void Doors::reopen_unconfirmed(const NodeIds& nodes) {
  for (const NodeId& id : nodes) doors_[id].set_override(NodeDoor::Override::none);
}

void Doors::apply_overrides(const DoorOverrides& overrides) {
  for (auto& [id, door] : doors_) door.set_override(NodeDoor::Override::none);
  for (const NodeId& id : overrides.opening) doors_[id].set_override(NodeDoor::Override::opening);
  for (const NodeId& id : overrides.shut) doors_[id].set_override(NodeDoor::Override::shut);
  for (const NodeId& id : overrides.held) doors_[id].set_override(NodeDoor::Override::held);
}

}  // namespace bonedry::admin
