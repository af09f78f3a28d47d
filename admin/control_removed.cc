// Nodes that the config has lost while somebody may be on them: they bleed until they are dry.

#include "admin/control_plane.h"
#include "admin/phrases.h"

#include <algorithm>

namespace bonedry::admin {

using balancer::PoolView;

namespace {

constexpr Millis kRetryRemoval = std::chrono::seconds{2};

}  // namespace

bool ControlPlane::is_removed(const std::string& key) const {
  return std::ranges::any_of(removed_, [&key](const RemovedNode& removed) {
    return key_of(removed.pool, removed.node.name) == key;
  });
}

/// What the records of another process say of them.
std::vector<ControlPlane::RemovedNode> ControlPlane::removed_in(const NodeRecords& records) const {
  std::vector<RemovedNode> removed;
  for (const auto& [key, kept] : records) {
    if (!kept.removed_from) continue;
    const std::size_t slash = key.find('/');
    const auto pool = std::ranges::find(config_.pools, key.substr(0, slash), &conf::Pool::name);
    if (pool == config_.pools.end()) continue;
    removed.push_back({pool->name, {key.substr(slash + 1), *kept.removed_from, 0, 0}});
  }
  return removed;
}

void ControlPlane::drop_removed() {
  std::vector<std::string> gone;
  const std::vector<RemovedNode> before = removed_;
  std::erase_if(removed_, [this, &gone](const RemovedNode& removed) {
    const std::string key = key_of(removed.pool, removed.node.name);
    const NodeRecord* const kept = record(key);
    if (kept == nullptr || kept->dry == Dry::no || !taken_over(key)) return false;
    gone.push_back(key);
    return true;
  });
  if (gone.empty()) return;
  const auto forget = [&gone](NodeRecords& records) {
    for (const std::string& key : gone) records.erase(key);
  };
  const Outcome done = commit({}, forget, [] {});
  if (!done) {
    removed_ = before;
    retry_save_at_ = parts_.clock.now() + kRetryRemoval;
    return parts_.events.add("error", joined(gone), "it cannot be let go: " + done.error());
  }
  for (const std::string& key : gone) {
    parts_.ledger.set_address(slots_.at(key), "");
    nodes_.at(key)->set_health(balancer::Health::unknown);
    parts_.events.add("removed", key, "dry, and gone");
  }
}

void ControlPlane::forget_gone() {
  std::size_t in_force = 0;
  for (const PoolView& pool : topology_->pools) in_force += pool.nodes.size();
  // While a worker has an older topology, it may let somebody in that nobody counts yet.
  if (in_force == nodes_.size() || acknowledged_ != topology_->version) return;
  std::set<std::string_view> wanted;
  for (const PoolView& pool : topology_->pools) {
    for (const balancer::NodeView& view : pool.nodes) wanted.insert(view.node->key());
  }
  Keys gone;
  for (const auto& [key, node] : nodes_) {
    // Exchanges before sessions, see `blocked_by`.
    if (wanted.contains(key) || node->exchanges_open() != 0) continue;
    if (node->sessions().read().all() == 0) gone.push_back(key);
  }
  bool remembered = false;
  for (const std::string& key : gone) {
    parts_.ledger.set_address(slots_.at(key), "");
    parts_.ledger.release_slot(slots_.at(key));
    nodes_.erase(key);
    slots_.erase(key);
    ramps_.erase(key);
    shut_since_.erase(key);
    ajar_since_.erase(key);
    const NodeRecord* const kept = record(key);
    remembered = remembered || (kept != nullptr && kept->removed_from);
  }
  if (!remembered) return;
  const auto forget = [&gone](NodeRecords& records) {
    for (const std::string& key : gone) {
      const auto kept = records.find(key);
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
    if (known.address.empty() || slots_.contains(known.key)) continue;
    if (parts_.ledger.counts(known.slot).read().all() == 0) {
      parts_.ledger.set_address(known.slot, "");
    }
  }
}

}  // namespace bonedry::admin
