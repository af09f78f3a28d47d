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

void ControlPlane::drop_removed() {
  Nodes gone;
  for (const RemovedNode& removed : removed_.all()) {
    const NodeRecord* const kept = record(removed.id());
    if (kept == nullptr || kept->dry == Dry::no || !doors_.taken_over(removed.id())) continue;
    gone.push_back(removed.id());
  }
  if (gone.empty()) return;
  const RemovedNodes before = removed_;
  removed_.drop(gone);
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
    nodes_.let_go(id);
    parts_.events.add("removed", id, "dry, and gone");
  }
}

void ControlPlane::forget_gone() {
  std::size_t in_force = 0;
  for (const PoolView& pool : topology_->pools) in_force += pool.nodes.size();
  // While a worker has an older topology, it may let somebody in that nobody counts yet.
  if (in_force == nodes_.all().size() || doors_.acknowledged() != topology_->version) return;
  std::set<NodeId> wanted;
  for (const PoolView& pool : topology_->pools) {
    for (const balancer::NodeView& view : pool.nodes) wanted.insert(view.node->id());
  }
  Nodes gone;
  for (const auto& [id, live] : nodes_.all()) {
    // Exchanges before sessions, see `blocked_by`.
    if (wanted.contains(id) || live.node->exchanges_open() != 0) continue;
    if (live.node->sessions().read().all() == 0) gone.push_back(id);
  }
  bool remembered = false;
  for (const NodeId& id : gone) {
    nodes_.release(id);
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

}  // namespace bonedry::admin
