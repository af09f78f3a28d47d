#include "admin/metrics/node_families.h"

#include "admin/metrics/durations.h"
#include "balancer/duration_histogram.h"
#include "balancer/node_meter.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bonedry::admin::metrics {
namespace {

using balancer::DurationTotals;
using balancer::Health;
using balancer::NodeState;
using balancer::NodeTotals;

double seconds_of(Millis duration) {
  return std::chrono::duration<double>(duration).count();
}

std::uint64_t at_least_0(std::int64_t count) {
  return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

struct Level {
  Family family;
  std::uint64_t (*value)(const NodeStatus&);
};

constexpr std::array kLevels{
    Level{{"bonedry_node_dry", Type::gauge,
           "Whether nobody is on the node and nobody will come back to it (1) or not (0)."},
          [](const NodeStatus& node) { return std::uint64_t{node.dry}; }},
    Level{{"bonedry_node_weight", Type::gauge, "Weight of the node, as configured."},
          [](const NodeStatus& node) { return std::uint64_t{node.weight}; }},
    Level{{"bonedry_node_exchanges_open", Type::gauge,
           "Requests of users that are on the node now, WebSockets among them."},
          [](const NodeStatus& node) { return at_least_0(node.exchanges_open); }},
    Level{{"bonedry_node_websockets_open", Type::gauge,
           "WebSockets and other tunnels of users to the node that are open now."},
          [](const NodeStatus& node) { return at_least_0(node.websockets_open); }},
    Level{{"bonedry_node_exchanges_waiting", Type::gauge,
           "Requests that wait now for a connection that the node may have."},
          [](const NodeStatus& node) { return node.exchanges_waiting; }}};

struct Total {
  Family family;
  std::uint64_t NodeTotals::*count;
};

constexpr std::array kTotals{
    Total{{"bonedry_node_sessions_begun", Type::counter, "Sessions that began on the node."},
          &NodeTotals::begun},
    Total{{"bonedry_node_sessions_moved", Type::counter,
           "Sessions that a deadline or forced maintenance moved from the node to another."},
          &NodeTotals::moved},
    Total{{"bonedry_node_sessions_rescued", Type::counter,
           "Sessions that went to another node because this one was down."},
          &NodeTotals::rescued},
    Total{{"bonedry_node_sessions_late", Type::counter,
           "Users of the node who came back after their session had expired or the node was dry."},
          &NodeTotals::late},
    Total{{"bonedry_node_sessions_logged_out", Type::counter,
           "Sessions on the node that a logout ended."},
          &NodeTotals::logged_out},
    Total{{"bonedry_node_failures", Type::counter,
           "Attempts to send a request to the node that failed by its doing, also where another "
           "node answered then."},
          &NodeTotals::failures},
    Total{{"bonedry_node_retries", Type::counter,
           "Requests that were sent to the node and then once more, to it or to another."},
          &NodeTotals::retries},
    Total{{"bonedry_node_connects", Type::counter, "Connections to the node that were begun."},
          &NodeTotals::connects},
    Total{{"bonedry_node_connect_failures", Type::counter,
           "Connections to the node that could not be made."},
          &NodeTotals::connect_failures},
    Total{{"bonedry_node_connection_reuses", Type::counter,
           "Requests that got a connection to the node that was open already."},
          &NodeTotals::reuses},
    Total{
        {"bonedry_node_request_body_bytes", Type::counter,
         "Bytes of request bodies for the node, and from clients through tunnels to it.", "bytes"},
        &NodeTotals::bytes_in},
    Total{{"bonedry_node_response_body_bytes", Type::counter,
           "Bytes of response bodies of the node, and from it through tunnels.", "bytes"},
          &NodeTotals::bytes_out}};

struct Durations {
  Family family;
  DurationTotals NodeTotals::*totals;
};

constexpr std::array kDurations{
    Durations{{"bonedry_node_exchange_duration_seconds", Type::histogram,
               "From the head of a request to the last byte of its response; without tunnels.",
               "seconds"},
              &NodeTotals::duration},
    Durations{{"bonedry_node_connect_duration_seconds", Type::histogram,
               "Time to connect to the node, with TLS, where that succeeded.", "seconds"},
              &NodeTotals::connect},
    Durations{{"bonedry_node_queue_duration_seconds", Type::histogram,
               "Time that requests waited for a connection that the node may have.", "seconds"},
              &NodeTotals::queue}};

constexpr Family kSessions{"bonedry_sessions", Type::gauge,
                           "Users on the node: live, or pending until their cookie comes back."};
constexpr Family kState{"bonedry_node_state", Type::gauge,
                        "The state that the operator wants the node in: 1 for that one."};
constexpr Family kHealth{"bonedry_node_health", Type::gauge,
                         "The measured health of the node: 1 for that one."};
constexpr Family kResponses{
    "bonedry_node_responses", Type::counter,
    "Requests that ended on the node, by the class of its response; none: it gave none."};
constexpr Family kBleedAge{"bonedry_node_bleed_age_seconds", Type::gauge,
                           "How long the node has been out of rotation; only where it is.",
                           "seconds"};
constexpr Family kForecast{"bonedry_node_dry_forecast_seconds", Type::gauge,
                           "In how long the node will probably be dry; only where that is known.",
                           "seconds"};

constexpr std::array<std::string_view, balancer::kResponseClasses> kClasses{"none", "1xx", "2xx",
                                                                            "3xx",  "4xx", "5xx"};

/// A gauge for each value that an enum may have: 1 for the one that it has.
template <typename Enum, std::size_t Size>
NodeFamily states(const Family& family, const std::array<Enum, Size>& values,
                  Enum NodeStatus::*member) {
  return {family, [values, member](Exposition& out, const LabelledNode& each) {
            for (const Enum value : values) {
              out.sample(each.labels, {"state", balancer::to_string(value)},
                         std::uint64_t{each.node->*member == value});
            }
          }};
}

void write_sessions(Exposition& out, const LabelledNode& each) {
  out.sample(each.labels, {"kind", "live"}, at_least_0(each.node->live));
  out.sample(each.labels, {"kind", "pending"}, at_least_0(each.node->pending));
}

void write_responses(Exposition& out, const LabelledNode& each) {
  for (std::size_t index = 0; index < kClasses.size(); ++index) {
    out.sample(each.labels, {"class", kClasses[index]}, each.node->totals.responses[index]);
  }
}

void write_bleed_age(Exposition& out, const LabelledNode& each) {
  const auto& bleeding = each.node->bleeding;
  if (bleeding && bleeding->age) out.sample(each.labels, seconds_of(*bleeding->age));
}

void write_forecast(Exposition& out, const LabelledNode& each) {
  const auto& bleeding = each.node->bleeding;
  if (!bleeding || !bleeding->forecast) return;
  const DryForecast& forecast = *bleeding->forecast;
  out.sample(each.labels, {"estimate", "likely"}, seconds_of(forecast.likely));
  out.sample(each.labels, {"estimate", "low"}, seconds_of(forecast.low));
  out.sample(each.labels, {"estimate", "high"}, seconds_of(forecast.high));
}

}  // namespace

std::vector<NodeFamily> node_families() {
  std::vector<NodeFamily> all;
  all.push_back({kSessions, write_sessions});
  all.push_back(states(kState,
                       std::array{NodeState::active, NodeState::bleeding, NodeState::maintenance},
                       &NodeStatus::state));
  all.push_back(
      states(kHealth, std::array{Health::up, Health::down, Health::unknown}, &NodeStatus::health));
  for (const Level& level : kLevels) {
    all.push_back({level.family, [&level](Exposition& out, const LabelledNode& each) {
                     out.sample(each.labels, level.value(*each.node));
                   }});
  }
  for (const Total& total : kTotals) {
    all.push_back({total.family, [&total](Exposition& out, const LabelledNode& each) {
                     out.sample(each.labels, each.node->totals.*total.count);
                   }});
  }
  all.push_back({kResponses, write_responses});
  all.push_back({kBleedAge, write_bleed_age});
  all.push_back({kForecast, write_forecast});
  for (const Durations& durations : kDurations) {
    all.push_back({durations.family, [&durations, bounds = duration_bounds()](
                                         Exposition& out, const LabelledNode& each) {
                     write_durations(out, each.labels, each.node->totals.*durations.totals, bounds);
                   }});
  }
  return all;
}

}  // namespace bonedry::admin::metrics
