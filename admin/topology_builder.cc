#include "admin/topology_builder.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin {

using balancer::Door;
using balancer::NodeId;
using balancer::NodeState;
using balancer::NodeView;
using balancer::PoolView;

TopologyBuilder::BuildResult TopologyBuilder::build() const {
  auto next = std::make_shared<balancer::Topology>();
  NodeIds shut_deferred;
  next->version = before_ == nullptr ? 1 : before_->version + 1;
  next->limits = from_.config.limits;
  next->timeouts = from_.config.timeouts;
  next->trusted_proxies = from_.config.server.trusted_proxies;
  next->listeners = from_.config.listeners;
  for (const conf::Pool& pool : from_.config.pools) {
    defer_closing_last_doors(next->pools.emplace_back(pool_view(pool)), shut_deferred);
  }
  return {std::move(next), std::move(shut_deferred)};
}

PoolView TopologyBuilder::pool_view(const conf::Pool& pool) const {
  PoolView view;
  view.config = pool;
  view.counters = from_.cookies.counters_of(pool.name);
  for (const conf::Pool& other : from_.config.pools) {
    const bool sealed = other.session.sticky == conf::Sticky::insert;
    if (sealed && other.name != pool.name) view.siblings.push_back(other.name);
  }
  view.ledger_complete_at = from_.gap.complete_at(pool);
  if (from_.config.cluster) view.placement = balancer::KeyedPlacement::by_key;
  for (const conf::Node& node : pool.nodes) view.nodes.push_back(node_view(pool, node));
  for (const RemovedNode& removed : from_.removed.all()) {
    if (removed.pool == pool.name) view.nodes.push_back(node_view(pool, removed.node));
  }
  return view;
}

NodeView TopologyBuilder::node_view(const conf::Pool& pool, const conf::Node& node) const {
  const NodeId id{pool.name, node.name};
  const NodeRecord* const record = find_record(from_.records, id);
  const NodeEntry& live = from_.nodes.at(id);
  NodeView view;
  view.node = live.node;
  view.address = node.address;
  view.weight = node.weight;
  view.max_sessions = node.max_sessions;
  view.max_connections = node.max_connections;
  view.max_waiting = node.max_waiting;
  view.state = record == nullptr ? NodeState::active : record->state;
  view.door = from_.doors.next(id, record);
  view.displaced = record != nullptr && record->displaced == Displaced::yes;
  view.slow_start_since = live.slow_start_since;
  view.slot = live.slot;
  view.passes_revoked = from_.revocations.of(id);
  view.group = node.group;
  view.formerly = node.formerly;
  return view;
}

/// NodeIds that leave a pool go on taking new users until those that join it are open. Otherwise a
/// reload that replaces all nodes would leave no open node for a moment.
void TopologyBuilder::defer_closing_last_doors(PoolView& pool, NodeIds& shut_deferred) const {
  const auto has = [&pool](Door door) {
    return std::ranges::any_of(pool.nodes,
                               [door](const NodeView& one) { return one.door == door; });
  };
  const PoolView* const was = before_ == nullptr ? nullptr : before_->find_pool(pool.config.name);
  if (was == nullptr || has(Door::open) || !has(Door::opening)) return;
  for (NodeView& view : pool.nodes) {
    const NodeView* const before = balancer::find_node(*was, view.node->name());
    if (view.door != Door::sessions_only || before == nullptr) continue;
    if (before->door != Door::open) continue;
    view.door = Door::open;
    view.weight = before->weight;
    shut_deferred.push_back(view.node->id());
  }
}

}  // namespace bonedry::admin
