#include "admin/doors.h"

#include <algorithm>

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
  if (record != nullptr && hold_ == Hold::shut) return Door::shut;
  const Door wanted = door_of(record);
  if (wanted != Door::open || acknowledged == 0) return wanted;
  if (hold_ == Hold::opening) return Door::opening;
  return ajar_since_ != 0 && ajar_since_ <= acknowledged ? Door::open : Door::opening;
}

void NodeDoor::decide(Version in) {
  decided_in_ = in;
  hold(Hold::none);  // what was looked at is no longer so
}

void NodeDoor::publish(Door door, Version in) {
  Version& since = door == Door::shut ? shut_since_ : ajar_since_;
  Version& over = door == Door::shut ? ajar_since_ : shut_since_;
  if (since == 0) since = in;
  over = 0;
}

void NodeDoor::keep_open(Version in) {
  kept_open_in_ = in;
  decided_in_ = in + 1;
}

Door Doors::next(const NodeId& id, const NodeRecord* record) const {
  const auto found = doors_.find(id);
  return (found == doors_.end() ? NodeDoor() : found->second).next(record, acknowledged_);
}

void Doors::publish(const balancer::Topology& topology, const Nodes& kept_open) {
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
  for (const NodeId& id : kept_open) doors_[id].keep_open(topology.version);
}

void Doors::acknowledge(Version version) {
  acknowledged_ = std::max(acknowledged_, version);
}

bool Doors::taken_over(const NodeId& id) const {
  const auto found = doors_.find(id);
  return found == doors_.end() || found->second.taken_over(acknowledged_);
}

bool Doors::can_open(const balancer::Topology& topology, const NodeRecords& records) const {
  return std::ranges::any_of(topology.pools, [&](const PoolView& pool) {
    return std::ranges::any_of(pool.nodes, [&](const NodeView& view) {
      const NodeId& id = view.node->id();
      return view.door == Door::opening && next(id, find_record(records, id)) == Door::open;
    });
  });
}

bool Doors::has_kept_open(Version version) const {
  return std::ranges::any_of(
      doors_, [version](const auto& one) { return one.second.kept_open_in() >= version; });
}

bool Doors::all_hold_shut(const NodeId& id) const {
  const auto found = doors_.find(id);
  return found != doors_.end() && found->second.all_hold_shut(acknowledged_);
}

bool Doors::is_held_shut(const NodeId& id) const {
  const auto found = doors_.find(id);
  return found != doors_.end() && found->second.held() == NodeDoor::Hold::shut;
}

Doors::FirstLook Doors::look(const balancer::Topology& topology, const NodeRecords& records,
                             const IsEmpty& is_empty) const {
  FirstLook look;
  for (const PoolView& pool : topology.pools) {
    for (const NodeView& view : pool.nodes) {
      const NodeId& id = view.node->id();
      const NodeRecord* const kept = find_record(records, id);
      if (kept == nullptr || kept->dry == Dry::yes || is_held_shut(id)) continue;
      if (!is_empty(pool, view)) continue;
      if (view.door != Door::shut) {
        look.to_shut.push_back(id);
      } else if (all_hold_shut(id)) {
        look.dry.push_back(id);
      }
    }
  }
  return look;
}

void Doors::hold_shut(const Nodes& nodes) {
  for (const NodeId& id : nodes) doors_[id].hold(NodeDoor::Hold::shut);
}

Doors::SecondLook Doors::look_again(const Nodes& nodes, const balancer::Topology& topology,
                                    const IsEmpty& is_empty) {
  SecondLook look;
  for (const NodeId& id : nodes) {
    if (!is_held_shut(id)) continue;  // something else was decided meanwhile
    // The hold is a later one, of which some worker does not know yet: that has a look of its own.
    if (!all_hold_shut(id)) continue;
    doors_[id].hold(NodeDoor::Hold::none);
    const PoolView* const pool = topology.find_pool(id.pool);
    const NodeView* const view = pool == nullptr ? nullptr : balancer::find_node(*pool, id.name);
    if (view == nullptr) continue;  // a reload took it away meanwhile
    (is_empty(*pool, *view) ? look.dry : look.inhabited).push_back(id);
  }
  return look;
}

void Doors::let_go(const Nodes& nodes) {
  for (const NodeId& id : nodes) doors_[id].hold(NodeDoor::Hold::none);
}

void Doors::follow(const HeldDoors& held) {
  for (auto& [id, door] : doors_) door.hold(NodeDoor::Hold::none);
  for (const NodeId& id : held.opening) doors_[id].hold(NodeDoor::Hold::opening);
  for (const NodeId& id : held.shut) doors_[id].hold(NodeDoor::Hold::shut);
}

}  // namespace bonedry::admin
