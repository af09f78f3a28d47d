#include "admin/status_reader.h"

#include "admin/phrases.h"
#include "admin/record_times.h"
#include "conf/tls_servers.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace bonedry::admin {

using balancer::NodeView;
using balancer::PoolView;

std::string to_text(const CheckStatus& check) {
  return check.request + ": " + check.found;
}

DryOutlook StatusReader::outlook_here(const PoolView& pool, const NodeView& view,
                                      const NodeRecord& record) const {
  if (record.dry == Dry::yes) return {};
  const Millis incomplete =
      balancer::is_closed(view.door) ? Millis{0} : check_.ledger_incomplete_for(pool, view);
  if (view.node->sessions().read().all() == 0) {
    if (view.node->exchanges_open() > 0) {
      return {{}, "waits for an open exchange, whose duration is not known"};
    }
    if (incomplete == Millis{0}) return {};
    return {DryForecast{incomplete, incomplete, incomplete}, ""};
  }
  const Forecaster::NodeForecast* const forecast = forecaster_.of(view.node->id());
  if (forecast == nullptr) return {};
  if (!forecast->empty_in) return {{}, "not enough users have left for a forecast"};
  const Instant now = clock_.now();
  const auto from_now = [&](Millis since_then) {
    const Millis left = std::max(forecast->at + since_then - now, incomplete);
    if (!record.deadline_monotonic) return left;
    return std::min(left, std::max(*record.deadline_monotonic - now, Millis{0}));
  };
  return {DryForecast{from_now(forecast->empty_in->likely), from_now(forecast->empty_in->low),
                      from_now(forecast->empty_in->high)},
          ""};
}

BleedStatus StatusReader::bleed_status(const PoolView& pool, const NodeView& view,
                                       const NodeRecord& record, const Peers* peers) const {
  BleedStatus status{record.since, record.by, record.reason, record.deadline, {}};
  if (record.since_monotonic) status.age = clock_.now() - *record.since_monotonic;
  if (record.dry == Dry::yes) return status;
  DryOutlook outlook = outlook_here(pool, view, record);
  if (peers != nullptr) outlook = later_of(outlook, peers->outlook_elsewhere(view.node->id()));
  status.forecast = outlook.forecast;
  status.no_forecast = std::move(outlook.no_forecast);
  const Forecaster::NodeForecast* const forecast = forecaster_.of(view.node->id());
  if (forecast == nullptr || view.node->sessions().read().pending == 0) return status;
  const auto& pending = forecast->pending_until;
  if (pending && *pending != session::kNeverEnds) {
    status.pending_ends_in = std::max(*pending - clock_.now(), Millis{0});
  }
  return status;
}

PassStatus StatusReader::pass_status(const balancer::Node& node) const {
  const Instant now = clock_.now();
  PassStatus status{node.pass_use.lately(now), std::nullopt, node.pass_exchanges_open()};
  const Instant last = node.pass_use.last();
  if (last.ms != 0) status.last_used_age = std::max(now - last, Millis{0});
  return status;
}

NodeStatus StatusReader::node(const Sources& sources, const PoolView& pool,
                              const NodeView& view) const {
  const balancer::Node& node = *view.node;
  const NodeRecord* const record = find_record(sources.records, node.id());
  NodeStatus status;
  status.pool = node.pool();
  status.name = node.name();
  status.address = conf::to_string(view.address);
  status.group = view.group;
  status.weight = view.weight;
  status.max_sessions = view.max_sessions;
  status.max_connections = view.max_connections;
  status.state = view.state;
  status.health = node.passively_down(clock_.now()) ? balancer::Health::down : node.health();
  checks(node.id(), status);
  status.dry = record != nullptr && record->dry == Dry::yes;
  const balancer::SessionCounts::Values sessions = node.sessions().read();
  status.live = sessions.live;
  status.pending = sessions.pending;
  if (const auto all = users_of_all(sources.peers, node.id())) {
    status.live = all->live;
    status.pending = all->pending;
  }
  status.exchanges_open = node.exchanges_open();
  status.websockets_open = node.tunnels_open();
  status.exchanges_waiting = node.exchanges_waiting();
  status.totals = node.totals();
  status.begun = status.totals.begun;
  status.moved = status.totals.moved;
  status.rescued = status.totals.rescued;
  status.late = status.totals.late;
  status.logged_out = status.totals.logged_out;
  status.traffic = node_traffic_.of(node.id());
  if (node.last_exchange().ms != 0) {
    status.last_exchange_age = std::max(clock_.now() - node.last_exchange(), Millis{0});
  }
  status.passes = pass_status(node);
  if (record != nullptr) {
    if (!status.dry) status.dry_blocked_by = check_.blocked_by(pool, view);
    status.bleeding = bleed_status(pool, view, *record, sources.peers);
    const UserCurve* const curve = sources.curves.of(node.id());
    if (curve != nullptr) status.bleeding->curve = curve->points();
    if (view.weight > 0) {
      status.bleeding->long_for =
          age_of_long_bleed(*record, clock_.now(), sources.config.admin.bleed_warning);
    }
  }
  status.removed = sources.removed.contains(node.id());
  return status;
}

std::optional<SharedUsers> StatusReader::users_of_all(const Peers* peers,
                                                      const balancer::NodeId& id) {
  return peers == nullptr ? std::nullopt : peers->users(id);
}

void StatusReader::checks(const balancer::NodeId& id, NodeStatus& status) const {
  const balancer::CheckHistory* const checks = checks_of_(id);
  if (checks == nullptr) return;
  const Instant now = clock_.now();
  if (checks->changed()) status.health_age = std::max(now - *checks->changed(), Millis{0});
  if (const auto& last = checks->last()) {
    const Millis age = std::max(now - last->ended, Millis{0});
    status.last_check = CheckStatus{last->result, last->request, last->found, age, last->took};
  }
}

void StatusReader::tick(const balancer::Topology& topology) {
  std::uint64_t ended = 0;
  for (const ExchangeStatus::Ending& ending : traffic_().exchanges.endings) ended += ending.count;
  ended_requests_.note(ended, clock_.now());
  node_traffic_.note(topology, clock_.now());
}

ProcessStatus StatusReader::process() const {
  const Instant now = clock_.now();
  return {::getpid(),    now - started_.at, now - config_loaded_.at, ended_requests_.per_second(),
          started_.date, last_load_,        config_loaded_.date};
}

std::vector<ListenerStatus> StatusReader::listeners(const balancer::Topology& topology) const {
  std::vector<ListenerStatus> all = listeners_;
  for (std::size_t index = 0; index < all.size() && index < topology.listeners.size(); ++index) {
    const auto& tls = topology.listeners[index].tls;
    if (tls) all[index].tls = certificates_.status_of(index, *tls);
  }
  return all;
}

std::optional<AdminHttpStatus> StatusReader::admin_http(const conf::Config& config) const {
  const auto& http = config.admin.http;
  if (!http) return std::nullopt;
  AdminHttpStatus status{http->socket.empty() ? conf::to_string(http->address) : http->socket};
  for (const auto& server : conf::tls_servers(config)) {
    if (&server.tls == &*http->tls) status.tls = certificates_.status_of(server.index, server.tls);
  }
  return status;
}

Result<Status, CommandError> StatusReader::all(const Sources& sources,
                                               std::optional<std::string_view> pool) const {
  Status status;
  std::vector<std::string> names;
  for (const PoolView& view : sources.topology.pools) {
    names.push_back(view.config.name);
    if (pool && view.config.name != *pool) continue;
    PoolStatus& one = status.pools.emplace_back();
    one.name = view.config.name;
    one.checks = view.config.health.active ? PoolChecks::active : PoolChecks::none;
    one.foreign_cookies = view.counters->foreign_cookies.load();
    one.exempt_requests = view.counters->exempt_requests.load();
    one.cookie_clashes =
        view.counters->cookie_clashes.load() + view.counters->cookie_clashes_in_front.load();
    for (const NodeView& node : view.nodes) one.nodes.push_back(this->node(sources, view, node));
  }
  if (pool && status.pools.empty()) {
    return fail(ErrorCode::not_found, unknown_pool(*pool, names));
  }
  if (sources.peers != nullptr) status.cluster = sources.peers->status();
  status.listeners = listeners(sources.topology);
  status.admin_http = admin_http(sources.config);
  status.traffic = traffic_();
  status.process = process();
  const session::Ledger::Totals totals = ledger_.totals();
  status.sessions = totals.sessions;
  status.capacity = totals.capacity;
  status.evicted = totals.evicted;
  status.refused = totals.refused;
  for (const PoolView& view : sources.topology.pools) {
    for (const NodeView& node : view.nodes) {
      const Millis incomplete = check_.ledger_incomplete_for(view, node);
      if (incomplete == Millis{0}) continue;
      status.complete = false;
      status.complete_in = std::max(status.complete_in.value_or(Millis{0}), incomplete);
    }
  }
  return status;
}

}  // namespace bonedry::admin
