// What the control plane tells about nodes: their figures, and what keeps one from being dry.

#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace bonedry::admin {

using balancer::Door;
using balancer::NodeId;
using balancer::NodeView;
using balancer::PoolView;

/// How long until the node is dry, or why that cannot be told.
void ControlPlane::forecast(const PoolView& pool, const NodeView& view, BleedStatus& status) const {
  const Millis incomplete = view.door == Door::shut ? Millis{0} : check_.incomplete_for(pool, view);
  if (view.node->sessions().read().all() == 0) {
    if (view.node->exchanges_open() > 0) {
      status.no_forecast = "an exchange takes as long as it takes";
    } else if (incomplete > Millis{0}) {
      status.forecast = DryIn{incomplete, incomplete, incomplete};
    }
    return;
  }
  const Forecaster::Outlook* const outlook = forecaster_.of(view.node->id());
  if (outlook == nullptr) return;
  if (!outlook->empty_in) {
    status.no_forecast = "too few users have left to tell when the others will";
    return;
  }
  const Instant now = parts_.clock.now();
  const NodeRecord* const kept = record(view.node->id());
  const auto from_now = [&](Millis since_then) {
    const Millis left = std::max(outlook->at + since_then - now, incomplete);
    if (kept == nullptr || !kept->deadline_at) return left;
    return std::min(left, std::max(*kept->deadline_at - now, Millis{0}));
  };
  status.forecast = DryIn{from_now(outlook->empty_in->likely), from_now(outlook->empty_in->low),
                          from_now(outlook->empty_in->high)};
}

BleedStatus ControlPlane::bleed_status(const PoolView& pool, const NodeView& view,
                                       const NodeRecord& kept) const {
  BleedStatus status{kept.since, kept.by, kept.reason, kept.deadline, {}};
  if (kept.dry == Dry::yes) return status;
  forecast(pool, view, status);
  const Forecaster::Outlook* const outlook = forecaster_.of(view.node->id());
  if (outlook == nullptr || view.node->sessions().read().pending == 0) return status;
  const auto& pending = outlook->pending_until;
  if (pending && *pending != session::kNoEnd) {
    status.pending_ends_in = std::max(*pending - parts_.clock.now(), Millis{0});
  }
  return status;
}

void ControlPlane::tell_forecasts() {
  std::set<NodeId> out_of_rotation;
  for (const PoolView& pool : topology_->pools) {
    for (const NodeView& view : pool.nodes) {
      const NodeId& id = view.node->id();
      const NodeRecord* const kept = record(id);
      if (kept == nullptr || kept->dry == Dry::yes) continue;
      out_of_rotation.insert(id);
      const auto forecast = bleed_status(pool, view, *kept).forecast;
      if (!forecast) continue;
      const auto news = forecast_news_.of(id, *forecast, parts_.clock.now());
      if (news) parts_.events.add("forecast", id, *news);
    }
  }
  forecast_news_.keep_only(out_of_rotation);
}

NodeStatus ControlPlane::node_status(const PoolView& pool, const NodeView& view) const {
  const balancer::Node& node = *view.node;
  const NodeRecord* const kept = record(node.id());
  NodeStatus status;
  status.pool = node.pool();
  status.name = node.name();
  status.address = conf::to_string(view.address);
  status.weight = view.weight;
  status.max_sessions = view.max_sessions;
  status.state = view.state;
  status.health = node.marked(parts_.clock.now()) ? balancer::Health::down : node.health();
  status.dry = kept != nullptr && kept->dry == Dry::yes;
  const balancer::SessionCounts::Figures sessions = node.sessions().read();
  status.live = sessions.live;
  status.pending = sessions.pending;
  status.exchanges_open = node.exchanges_open();
  status.websockets_open = node.websockets_open();
  status.exchanges_waiting = node.exchanges_waiting();
  status.begun = node.counters.begun.load();
  status.moved = node.counters.moved.load();
  status.rescued = node.counters.rescued.load();
  status.late = node.counters.late.load();
  status.logged_out = node.counters.logged_out.load();
  if (node.last_exchange().ms != 0) {
    status.last_exchange_age = std::max(parts_.clock.now() - node.last_exchange(), Millis{0});
  }
  if (kept != nullptr) {
    if (!status.dry) status.dry_blocked_by = check_.blocked_by(pool, view);
    status.bleeding = bleed_status(pool, view, *kept);
  }
  status.removed = removed_.contains(node.id());
  return status;
}

Result<Status> ControlPlane::status(std::optional<std::string_view> pool) const {
  Status status;
  std::vector<std::string> names;
  for (const PoolView& view : topology_->pools) {
    names.push_back(view.config.name);
    if (pool && view.config.name != *pool) continue;
    PoolStatus& one = status.pools.emplace_back();
    one.name = view.config.name;
    one.foreign_cookies = view.counters->foreign_cookies.load();
    one.cookie_clashes =
        view.counters->cookie_clashes.load() + view.counters->cookie_clashes_in_front.load();
    for (const NodeView& node : view.nodes) one.nodes.push_back(node_status(view, node));
  }
  if (pool && status.pools.empty()) {
    return Failure{"there is no pool '" + std::string(*pool) + "'; there are " + joined(names)};
  }
  status.listeners = listeners_;
  const session::Ledger::Totals totals = parts_.ledger.totals();
  status.sessions = totals.sessions;
  status.capacity = totals.capacity;
  status.evicted = totals.evicted;
  for (const PoolView& view : topology_->pools) {
    for (const NodeView& node : view.nodes) {
      const Millis incomplete = check_.incomplete_for(view, node);
      if (incomplete == Millis{0}) continue;
      status.complete = false;
      status.complete_in = std::max(status.complete_in.value_or(Millis{0}), incomplete);
    }
  }
  return status;
}

session::SessionListing ControlPlane::list(const NodeId& id,
                                           const session::SessionQuery& query) const {
  return {parts_.ledger, view_of(id).slot, query};
}

session::SessionPage ControlPlane::sessions(const NodeId& id,
                                            const session::SessionQuery& query) const {
  session::SessionListing listing = list(id, query);
  while (listing.step() == session::SessionListing::Progress::more) continue;
  return std::move(listing).take();
}

}  // namespace bonedry::admin
