#include "proxy/running_totals.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <cstddef>
#include <utility>

namespace bonedry::proxy {
namespace {

/// Whose doing an end was, as `status` names it.
std::string_view text_of(Side side) {
  switch (side) {
    case Side::nobody:
      return "";
    case Side::downstream:
      return "client";
    case Side::upstream:
      return "node";
    case Side::internal:
      return "bonedry";
  }
  return "";
}

admin::ExchangeStatus exchange_status(const ExchangeTotals& totals) {
  admin::ExchangeStatus status{{}, totals.retries, totals.bytes_in, totals.bytes_out};
  for (std::size_t reason = 0; reason < kEndReasons; ++reason) {
    const EndReasonInfo& info = info_of(static_cast<EndReason>(reason));
    status.endings.push_back({info.name, totals.endings[reason], text_of(info.side)});
  }
  return status;
}

admin::Http2Status http2_status(const Http2Totals& totals) {
  return {totals.connections_open, totals.connections, totals.streams_open, totals.streams,
          totals.resets_received,  totals.resets_sent, totals.refused,      totals.goaways_received,
          totals.goaways_sent,     totals.stalls};
}

PoolTotals totals_of(const balancer::PoolCounters& counters) {
  return {counters.exempt_requests.load(), counters.foreign_cookies.load(),
          counters.cookie_clashes.load(), counters.cookie_clashes_in_front.load()};
}

/// Adds what the previous process has counted since its last report. Nothing is taken away, should
/// it be less.
void add_news(balancer::PoolCounters& counters, const PoolTotals& before, const PoolTotals& now) {
  const auto add = [](std::atomic<std::uint64_t>& counter, std::uint64_t from, std::uint64_t to) {
    if (to > from) counter.fetch_add(to - from);
  };
  add(counters.exempt_requests, before.exempt_requests, now.exempt_requests);
  add(counters.foreign_cookies, before.foreign_cookies, now.foreign_cookies);
  add(counters.cookie_clashes, before.cookie_clashes, now.cookie_clashes);
  add(counters.cookie_clashes_in_front, before.cookie_clashes_in_front,
      now.cookie_clashes_in_front);
}

}  // namespace

void RunningTotals::inherit(std::string_view report, const balancer::Topology& topology) {
  Result<ProcessTotals> totals = parse_totals(report);
  if (!totals) return spdlog::warn("{}", totals.error());
  for (const balancer::PoolView& pool : topology.pools) {
    const auto counted = totals->pools.find(pool.config.name);
    if (counted != totals->pools.end()) {
      add_news(*pool.counters, inherited_.pools[pool.config.name], counted->second);
    }
    for (const balancer::NodeView& view : pool.nodes) {
      const auto node = totals->nodes.find(view.node->key());
      if (node != totals->nodes.end()) inherit(view.node, node->second);
    }
  }
  inherited_ = std::move(*totals);
}

/// `inherited_` is still the report before this one.
void RunningTotals::inherit(const std::shared_ptr<balancer::Node>& node,
                            const balancer::NodeTotals& totals) {
  Heir& heir = heirs_[node->key()];
  if (heir.node.lock() != node) heir = {node, inherited_.nodes[node->key()]};
  node->meters.set_inherited(totals.since(heir.earlier));
}

/// Without those of pools and nodes.
ProcessTotals RunningTotals::process() const {
  ProcessTotals totals;
  totals.exchanges = server_.exchange_totals();
  totals.exchanges.add(inherited_.exchanges);
  totals.handshakes = server_.handshake_totals();
  totals.handshakes.add(inherited_.handshakes);
  totals.http2 = server_.http2_totals();
  totals.http2.add(inherited_.http2);
  totals.http2_nodes = server_.http2_nodes_totals();
  totals.http2_nodes.add(inherited_.http2_nodes);
  const LogLosses losses = server_.access_log_losses();
  totals.log_lines_lost = losses.lines + inherited_.log_lines_lost;
  totals.log_write_errors = losses.errors + inherited_.log_write_errors;
  return totals;
}

admin::TrafficStatus RunningTotals::status(const Predecessor* predecessor) const {
  const ProcessTotals totals = process();
  const HandshakeTotals& handshakes = totals.handshakes;
  const LogLosses losses = server_.access_log_losses();
  const bool finishing = predecessor != nullptr && !predecessor->is_gone();
  return {exchange_status(totals.exchanges),
          {handshakes.full, handshakes.resumed, handshakes.failed, handshakes.shed},
          {totals.log_lines_lost, totals.log_write_errors, losses.why, losses.age},
          server_.client_connections(),
          finishing ? predecessor->pid() : 0,
          server_.loop_lags(),
          http2_status(totals.http2),
          http2_status(totals.http2_nodes)};
}

std::string RunningTotals::report(const balancer::Topology& topology) const {
  ProcessTotals totals = process();
  for (const balancer::PoolView& pool : topology.pools) {
    totals.pools[pool.config.name] = totals_of(*pool.counters);
    for (const balancer::NodeView& view : pool.nodes) {
      totals.nodes[view.node->key()] = view.node->totals();
    }
  }
  return to_json(totals);
}

}  // namespace bonedry::proxy
