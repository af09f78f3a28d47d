#include "admin/node_registry.h"

#include "admin/find_pool.h"
#include "admin/former_name.h"

#include <algorithm>
#include <set>

namespace bonedry::admin {

using balancer::NodeId;

const NodeEntry* NodeRegistry::find(const NodeId& id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

Result<> NodeRegistry::claim(const conf::Config& config, const RemovedNodes& removed,
                             Authority authority) {
  for (const conf::Pool& pool : config.pools) {
    for (const conf::Node& node : pool.nodes) {
      const Result<> claimed = claim(pool, node, authority);
      if (!claimed) return claimed;
    }
  }
  for (const RemovedNode& gone : removed.all()) {
    const conf::Pool* const pool = find_pool(config, gone.pool);
    const Result<> claimed =
        pool == nullptr ? Result<>{Done{}} : claim(*pool, gone.node, authority);
    if (!claimed) return claimed;
  }
  return Done{};
}

Result<> NodeRegistry::claim(const conf::Pool& pool, const conf::Node& node, Authority authority) {
  const NodeId id{pool.name, node.name};
  const auto former = former_id(ledger_, pool, node);
  const Result<session::NodeSlot> slot = ledger_.claim_slot(former.value_or(id).text());
  if (!slot) return Failure{slot.error()};
  NodeEntry& live = nodes_[id];
  if (live.node && live.slot == *slot) return Done{};
  const NodeEntry* const before = former ? find(*former) : nullptr;
  live.slot = *slot;  // another process had released the old slot, when it had no users
  live.node = std::make_shared<balancer::Node>(pool.name, node.name, ledger_.counts(*slot),
                                               ledger_.traffic(*slot),
                                               ledger_.traffic_of_other_process(*slot));
  if (before != nullptr) {
    live.node->set_health(before->node->health());
    live.slow_start_since = before->slow_start_since;
  }
  // Before any worker can begin a session there. A node with an earlier name has sessions already,
  // which keep their times until the config is in force.
  if (authority == Authority::self && !former) update_ledger_times(pool, node);
  return Done{};
}

void NodeRegistry::adopt(const conf::Config& config, const RemovedNodes& removed,
                         Authority authority) {
  for (const auto& [id, live] : nodes_) {  // their health is no longer checked
    if (find_pool(config, id.pool) == nullptr) live.node->set_health(balancer::Health::unknown);
  }
  for (const conf::Pool& pool : config.pools) {
    for (const conf::Node& node : pool.nodes) {
      if (authority == Authority::self) update_ledger(pool, node);
      if (!pool.health.active) {
        at({pool.name, node.name}).node->set_health(balancer::Health::unknown);
      }
    }
  }
  if (authority == Authority::successor) return;  // it updates the ledger, perhaps with newer data
  for (const RemovedNode& gone : removed.all()) {
    const conf::Pool* const pool = find_pool(config, gone.pool);
    if (pool != nullptr) update_ledger(*pool, gone.node);
  }
}

void NodeRegistry::rename(const NodeId& from, const NodeId& to) {
  nodes_.erase(from);
  ledger_.rename_slot(at(to).slot, to.text());
}

void NodeRegistry::update_ledger_times(const conf::Pool& pool, const conf::Node& node) {
  ledger_.set_times(
      at({pool.name, node.name}).slot,
      {pool.session.idle_timeout, pool.session.pending_timeout, pool.session.max_lifetime});
}

/// The ledger gets the address of a node only when the config is in force: a node of a refused
/// config must not come back at the next start as a node that the config has lost.
void NodeRegistry::update_ledger(const conf::Pool& pool, const conf::Node& node) {
  update_ledger_times(pool, node);
  ledger_.set_address(at({pool.name, node.name}).slot, conf::to_string(node.address));
}

void NodeRegistry::begin_slow_start(const NodeId& id, Instant now) {
  const auto found = nodes_.find(id);
  if (found != nodes_.end()) found->second.slow_start_since = now;
}

void NodeRegistry::forget_address(const NodeId& id) {
  const NodeEntry& live = at(id);
  ledger_.set_address(live.slot, "");
  live.node->set_health(balancer::Health::unknown);
}

void NodeRegistry::release(const NodeId& id) {
  const session::NodeSlot slot = at(id).slot;
  ledger_.set_address(slot, "");
  ledger_.release_slot(slot);
  nodes_.erase(id);
}

void NodeRegistry::clear_addresses() {
  std::set<session::NodeSlot> in_use;
  for (const auto& [id, entry] : nodes_) in_use.insert(entry.slot);
  for (const session::LedgerNode& known : ledger_.nodes()) {
    if (known.address.empty() || in_use.contains(known.slot)) continue;
    if (ledger_.counts(known.slot).read().all() == 0) ledger_.set_address(known.slot, "");
  }
}

}  // namespace bonedry::admin
