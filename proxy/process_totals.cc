#include "proxy/process_totals.h"

#include "proxy/end_reason.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace bonedry::proxy {
namespace {

using Json = nlohmann::json;
using balancer::DurationTotals;
using balancer::NodeTotals;

template <typename Totals>
using Counts = std::pair<std::string_view, std::uint64_t Totals::*>;

constexpr std::array<Counts<ExchangeTotals>, 3> kExchangeCounts{
    {{"retries", &ExchangeTotals::retries},
     {"bytes_in", &ExchangeTotals::bytes_in},
     {"bytes_out", &ExchangeTotals::bytes_out}}};
constexpr std::array<Counts<HandshakeTotals>, 4> kHandshakeCounts{
    {{"full", &HandshakeTotals::full},
     {"resumed", &HandshakeTotals::resumed},
     {"failed", &HandshakeTotals::failed},
     {"shed", &HandshakeTotals::shed}}};
/// Without what is open: that stays with its process.
constexpr std::array<Counts<Http2Totals>, 8> kHttp2Counts{
    {{"connections", &Http2Totals::connections},
     {"streams", &Http2Totals::streams},
     {"resets_received", &Http2Totals::resets_received},
     {"resets_sent", &Http2Totals::resets_sent},
     {"refused", &Http2Totals::refused},
     {"goaways_received", &Http2Totals::goaways_received},
     {"goaways_sent", &Http2Totals::goaways_sent},
     {"stalls", &Http2Totals::stalls}}};
constexpr std::array<Counts<PoolTotals>, 4> kPoolCounts{
    {{"exempt_requests", &PoolTotals::exempt_requests},
     {"foreign_cookies", &PoolTotals::foreign_cookies},
     {"cookie_clashes", &PoolTotals::cookie_clashes},
     {"cookie_clashes_in_front", &PoolTotals::cookie_clashes_in_front}}};
constexpr std::array<Counts<ProcessTotals>, 2> kLogCounts{
    {{"log_lines_lost", &ProcessTotals::log_lines_lost},
     {"log_write_errors", &ProcessTotals::log_write_errors}}};

template <typename Totals, typename Table>
void write(Json& json, const Totals& totals, const Table& table) {
  for (const auto& [name, count] : table) json[std::string(name)] = totals.*count;
}

template <typename Totals, typename Table>
void read(const Json& json, Totals& totals, const Table& table) {
  for (const auto& [name, count] : table) {
    totals.*count = json.value(std::string(name), std::uint64_t{0});
  }
}

Json bounds() {
  Json all = Json::array();
  for (const Millis bound : DurationTotals::kBounds) all.push_back(bound.count());
  return all;
}

Json node_json(const NodeTotals& totals) {
  Json json = Json::object();
  write(json, totals, balancer::kNodeCounts);
  json["responses"] = totals.responses;
  for (const auto& [name, durations] : balancer::kNodeDurations) {
    const DurationTotals& one = totals.*durations;
    json[std::string(name)] = {{"buckets", one.buckets}, {"sum_ms", one.sum_ms}};
  }
  return json;
}

template <std::size_t Size>
void read_array(const Json& json, std::string_view name, std::array<std::uint64_t, Size>& into) {
  const auto found = json.find(name);
  if (found != json.end() && found->size() == Size) found->get_to(into);
}

NodeTotals node_totals(const Json& json) {
  NodeTotals totals;
  read(json, totals, balancer::kNodeCounts);
  read_array(json, "responses", totals.responses);
  for (const auto& [name, durations] : balancer::kNodeDurations) {
    const auto found = json.find(name);
    if (found == json.end()) continue;
    read_array(*found, "buckets", (totals.*durations).buckets);
    (totals.*durations).sum_ms = found->value("sum_ms", std::uint64_t{0});
  }
  return totals;
}

/// A version with other bounds says nothing about our buckets.
void forget_durations(ProcessTotals& totals) {
  for (auto& [name, node] : totals.nodes) {
    for (const auto& [kind, durations] : balancer::kNodeDurations) node.*durations = {};
  }
}

ProcessTotals read_all(const Json& json) {
  ProcessTotals totals;
  const Json exchanges = json.value("exchanges", Json::object());
  read(exchanges, totals.exchanges, kExchangeCounts);
  const Json ended = exchanges.value("ended", Json::object());
  for (std::size_t reason = 0; reason < kEndReasons; ++reason) {
    const std::string name(info_of(static_cast<EndReason>(reason)).name);
    totals.exchanges.endings[reason] = ended.value(name, std::uint64_t{0});
  }
  read(json.value("handshakes", Json::object()), totals.handshakes, kHandshakeCounts);
  read(json.value("http2", Json::object()), totals.http2, kHttp2Counts);
  read(json.value("http2_nodes", Json::object()), totals.http2_nodes, kHttp2Counts);
  read(json, totals, kLogCounts);
  const Json pools = json.value("pools", Json::object());
  for (const auto& [name, pool] : pools.items()) read(pool, totals.pools[name], kPoolCounts);
  const Json nodes = json.value("nodes", Json::object());
  for (const auto& [name, node] : nodes.items()) totals.nodes[name] = node_totals(node);
  if (json.value("bounds_ms", Json::array()) != bounds()) forget_durations(totals);
  return totals;
}

}  // namespace

std::string to_json(const ProcessTotals& totals) {
  Json exchanges = Json::object();
  write(exchanges, totals.exchanges, kExchangeCounts);
  for (std::size_t reason = 0; reason < kEndReasons; ++reason) {
    const std::string name(info_of(static_cast<EndReason>(reason)).name);
    exchanges["ended"][name] = totals.exchanges.endings[reason];
  }
  Json handshakes = Json::object();
  write(handshakes, totals.handshakes, kHandshakeCounts);
  Json http2 = Json::object();
  write(http2, totals.http2, kHttp2Counts);
  Json http2_nodes = Json::object();
  write(http2_nodes, totals.http2_nodes, kHttp2Counts);
  Json pools = Json::object();
  for (const auto& [name, pool] : totals.pools) write(pools[name], pool, kPoolCounts);
  Json nodes = Json::object();
  for (const auto& [name, node] : totals.nodes) nodes[name] = node_json(node);
  Json json{{"exchanges", std::move(exchanges)},
            {"handshakes", std::move(handshakes)},
            {"http2", std::move(http2)},
            {"http2_nodes", std::move(http2_nodes)},
            {"bounds_ms", bounds()},
            {"pools", std::move(pools)},
            {"nodes", std::move(nodes)}};
  write(json, totals, kLogCounts);
  return json.dump();
}

Result<ProcessTotals> parse_totals(std::string_view text) {
  try {
    return read_all(Json::parse(text));
  } catch (const Json::exception& error) {
    return Failure{std::string("the counts of the previous process are not valid: ") +
                   error.what()};
  }
}

}  // namespace bonedry::proxy
