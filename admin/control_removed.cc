// Nodes that the config has lost while somebody may be on them: they bleed until they are dry.

#include "admin/control_plane.h"
#include "admin/phrases.h"

#include <algorithm>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::PoolView;

namespace {

constexpr Millis kRetryRemoval = std::chrono::seconds{2};

}  // namespace

bool ControlPlane::is_removed(const NodeId& id) const {
  return std::ranges::any_of(removed_,
                             [&id](const RemovedNode& removed) { return removed.id() == id; });
}

/// What the records of another process say of them.
std::vector<ControlPlane::RemovedNode> ControlPlane::removed_in(const NodeRecords& records) const {
  std::vector<RemovedNode> removed;
  for (const auto& [id, kept] : records) {
    if (!kept.removed_from) continue;
    const auto pool = std::ranges::find(config_.pools, id.pool, &conf::Pool::name);
    if (pool == config_.pools.end()) continue;
    removed.push_back({id.pool, {id.name, *kept.removed_from, 0, 0}});
  }
  return removed;
}

void ControlPlane::drop_removed() {
  Nodes gone;
  const std::vector<RemovedNode> before = removed_;
  std::erase_if(removed_, [this, &gone](const RemovedNode& removed) {
    const NodeId id = removed.id();
    const NodeRecord* const kept = record(id);
    if (kept == nullptr || kept->dry == Dry::no || !doors_.taken_over(id)) return false;
    gone.push_back(id);
    return true;
  });
  if (gone.empty()) return;
  const auto forget = [&gone](NodeRecords& records) {
    for (const NodeId& id : gone) records.erase(id);
  };
  const Outcome done = commit({}, forget, [] {});
  if (!done) {
    removed_ = before;
    retry_save_at_ = parts_.clock.now() + kRetryRemoval;
    return parts_.events.add("error", joined(gone), "it cannot be let go: " + done.error());
  }
  for (const NodeId& id : gone) {
    parts_.ledger.set_address(slots_.at(id), "");
    nodes_.at(id)->set_health(balancer::Health::unknown);
    parts_.events.add("removed", id, "dry, and gone");
  }
}

void ControlPlane::forget_gone() {
  std::size_t in_force = 0;
  for (const PoolView& pool : topology_->pools) in_force += pool.nodes.size();
  // While a worker has an older topology, it may let somebody in that nobody counts yet.
  if (in_force == nodes_.size() || doors_.acknowledged() != topology_->version) return;
  std::set<NodeId> wanted;
  for (const PoolView& pool : topology_->pools) {
    for (const balancer::NodeView& view : pool.nodes) wanted.insert(view.node->id());
  }
  Nodes gone;
  for (const auto& [id, node] : nodes_) {
    // Exchanges before sessions, see `blocked_by`.
    if (wanted.contains(id) || node->exchanges_open() != 0) continue;
    if (node->sessions().read().all() == 0) gone.push_back(id);
  }
  bool remembered = false;
  for (const NodeId& id : gone) {
    parts_.ledger.set_address(slots_.at(id), "");
    parts_.ledger.release_slot(slots_.at(id));
    nodes_.erase(id);
    slots_.erase(id);
    ramps_.erase(id);
    doors_.forget(id);
    const NodeRecord* const kept = record(id);
    remembered = remembered || (kept != nullptr && kept->removed_from);
  }
  if (!remembered) return;
  const auto forget = [&gone](NodeRecords& records) {
    for (const NodeId& id : gone) {
      const auto kept = records.find(id);
      if (kept != records.end() && kept->second.removed_from) records.erase(kept);
    }
  };
  // Should the disk refuse, they are forgotten at the next start.
  (void)commit({}, forget, [] {});
}

/// Of nodes that nobody routes to and nobody is on, the ledger need not know where they are: what
/// was in force long ago must not be taken for what is, at an upgrade. No other process may be
/// routing.
void ControlPlane::clear_addresses() {
  for (const session::KnownNode& known : parts_.ledger.nodes()) {
    const std::optional<NodeId> id = NodeId::parse(known.key);
    if (known.address.empty() || (id && slots_.contains(*id))) continue;
    if (parts_.ledger.counts(known.slot).read().all() == 0) {
      parts_.ledger.set_address(known.slot, "");
    }
  }
}

}  // namespace bonedry::admin
