// Who may enter a node, and how a door that was shut is opened again.

#include "admin/control_plane.h"
#include "admin/phrases.h"

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

/// A door is opened in two steps: a worker that let a new user in at once could see that user moved
/// by another one that still holds the door shut, or does not know the node.
Door ControlPlane::door(const NodeId& id, const NodeRecord* kept) const {
  if (kept != nullptr && closing_.contains(id)) return Door::shut;
  const Door wanted = door_of(kept);
  if (wanted != Door::open || !topology_) return wanted;  // workers start with the first topology
  if (opening_.contains(id)) return Door::opening;
  const auto ajar = ajar_since_.find(id);
  return ajar != ajar_since_.end() && ajar->second <= acknowledged_ ? Door::open : Door::opening;
}

/// The nodes that leave a pool go on taking new users until those that come are open: else all at
/// once, as by a reload, would leave none for a moment.
void ControlPlane::keep_last_doors_open(PoolView& pool, std::uint64_t version) {
  const auto has = [&pool](Door door) {
    return std::ranges::any_of(pool.nodes,
                               [door](const NodeView& one) { return one.door == door; });
  };
  const PoolView* const before = topology_ ? topology_->find_pool(pool.config.name) : nullptr;
  if (before == nullptr || has(Door::open) || !has(Door::opening)) return;
  for (NodeView& view : pool.nodes) {
    const NodeView* const was = balancer::find_node(*before, view.node->name());
    if (view.door != Door::sessions_only || was == nullptr || was->door != Door::open) continue;
    view.door = Door::open;
    view.weight = was->weight;
    shut_since_[view.node->id()] = version + 1;
    kept_open_in_ = version;
  }
}

/// By the config; in the topology one may have its weight still, see above.
bool ControlPlane::is_weightless(const NodeId& id) const {
  return std::ranges::any_of(config_.pools, [&id](const conf::Pool& pool) {
    return pool.name == id.pool && std::ranges::any_of(pool.nodes, [&id](const conf::Node& node) {
             return node.weight == 0 && node.name == id.name;
           });
  });
}

void ControlPlane::note_doors() {
  std::map<NodeId, std::uint64_t> ajar;
  for (const PoolView& pool : topology_->pools) {
    for (const NodeView& view : pool.nodes) {
      if (view.door == Door::shut) continue;
      const NodeId& id = view.node->id();
      const auto before = ajar_since_.find(id);
      ajar.emplace(id, before == ajar_since_.end() ? topology_->version : before->second);
    }
  }
  ajar_since_ = std::move(ajar);
}

/// Whether a door is not open yet that all workers know by now.
bool ControlPlane::can_open_doors() const {
  return std::ranges::any_of(topology_->pools, [this](const PoolView& pool) {
    return std::ranges::any_of(pool.nodes, [this](const NodeView& view) {
      const NodeId& id = view.node->id();
      return view.door == Door::opening && door(id, record(id)) == Door::open;
    });
  });
}

}  // namespace bonedry::admin
