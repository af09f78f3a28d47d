// Nodes that the config has lost while somebody may be on them: they bleed until they are dry.

#include "admin/control_plane.h"
#include "admin/phrases.h"

#include <algorithm>

namespace bonedry::admin {

using balancer::NodeState;
using balancer::NodeView;
using balancer::PoolView;

namespace {

constexpr Millis kRetryRemoval = std::chrono::seconds{2};
constexpr const char* kRemoved = "removed from the config";

}  // namespace

/// Those that were lost while the proxy was down.
ControlPlane::Keys ControlPlane::retain_forgotten() {
  Keys bled;
  for (const session::KnownNode& known : parts_.ledger.nodes()) {
    const std::string pool = known.key.substr(0, known.key.find('/'));
    const bool lost =
        !nodes_.contains(known.key) &&
        std::ranges::find(config_.pools, pool, &conf::Pool::name) != config_.pools.end();
    const std::optional<conf::Address> address = conf::parse_address(known.address);
    if (!lost || !address) continue;
    if (parts_.ledger.counts(known.slot).read().all() == 0 &&
        parts_.company == Parts::Company::alone) {
      parts_.ledger.set_address(known.slot, "");
      continue;
    }
    const auto [kept, is_new] = records_.try_emplace(known.key);
    kept->second.removed_from = address;
    bled.push_back(known.key);
    if (!is_new) continue;
    kept->second.since = parts_.clock.wall();
    kept->second.by = "config";
    kept->second.reason = kRemoved;
    parts_.events.add("bleed", known.key, "bleeding" + who(kept->second.by, kRemoved));
  }
  return bled;
}

/// Nodes that the config lost while users were on them.
void ControlPlane::restore_removed() {
  for (const auto& [key, kept] : records_) {
    if (!kept.removed_from) continue;
    const std::size_t slash = key.find('/');
    const auto pool = std::ranges::find(config_.pools, key.substr(0, slash), &conf::Pool::name);
    if (pool == config_.pools.end()) continue;
    const RemovedNode removed{pool->name, {key.substr(slash + 1), *kept.removed_from, 0, 0}};
    adopt_node(*pool, removed.node);
    removed_.push_back(removed);
  }
}

/// Notes the nodes that `next` leaves out although somebody may be on them.
ControlPlane::Keys ControlPlane::retain_removed(const conf::Config& next, NodeRecords& records) {
  Keys leaving;
  std::vector<RemovedNode> kept;
  for (const PoolView& pool : topology_->pools) {
    const auto stays = std::ranges::find(next.pools, pool.config.name, &conf::Pool::name);
    if (stays == next.pools.end()) continue;
    for (const NodeView& view : pool.nodes) {
      const std::string& name = view.node->name();
      if (std::ranges::find(stays->nodes, name, &conf::Node::name) != stays->nodes.end()) continue;
      NodeRecord& its_record = records[view.node->key()];
      its_record.removed_from = view.address;
      if (view.state == NodeState::active) {
        its_record.since = parts_.clock.wall();
        its_record.by = "config";
        its_record.reason = kRemoved;
        leaving.push_back(view.node->key());
      }
      kept.push_back(
          {pool.config.name,
           {name, view.address, 0, view.max_sessions, view.max_connections, view.max_waiting}});
    }
  }
  removed_ = std::move(kept);
  return leaving;
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
    parts_.ledger.set_address(parts_.ledger.slot_of(key), "");
    parts_.events.add("removed", key, "dry, and gone");
  }
}

}  // namespace bonedry::admin
