#include "admin/ctl/watch/watch_status.h"

#include "admin/ctl/json_fields.h"
#include "admin/printable.h"

#include <nlohmann/json.hpp>

namespace bonedry::ctl {
namespace {

using admin::printable;
using Json = nlohmann::json;

/// A printable text; empty for null or nothing.
std::string text_of(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? printable(found->get<std::string>()) : "";
}

/// "2026-11-30T11:12:13Z" with a space.
std::string date_of(const Json& object, const char* member) {
  std::string date = text_of(object, member);
  if (date.size() > 10 && date[10] == 'T') date[10] = ' ';
  return date;
}

std::optional<double> rate_of(const Json& object) {
  const Json rate = object.is_object() ? object.value("requests_per_second", Json()) : Json();
  return rate.is_number() ? std::optional(rate.get<double>()) : std::nullopt;
}

/// A proxy of an earlier version has none.
std::vector<admin::UserCurve::Point> curve_of(const Json& bleeding) {
  std::vector<admin::UserCurve::Point> points;
  const Json curve = bleeding.value("curve", Json());
  if (!curve.is_array()) return points;
  for (const Json& point : curve) {
    const auto at = millis(point.at(0));
    if (at && points.size() < admin::UserCurve::kMaxPoints) {
      points.push_back({*at, point.at(1).get<std::int64_t>()});
    }
  }
  return points;
}

WatchedState state_of(const Json& node) {
  const auto name = node.at("state").get<std::string>();
  if (name == "bleeding") return WatchedState::bleeding;
  return name == "maintenance" ? WatchedState::maintenance : WatchedState::active;
}

WatchedHealth health_of(const Json& node) {
  const auto name = node.at("health").get<std::string>();
  if (name == "up") return WatchedHealth::up;
  return name == "down" ? WatchedHealth::down : WatchedHealth::unknown;
}

WatchedNode node_of(const std::string& pool, const Json& json) {
  WatchedNode node;
  const auto name = json.at("name").get<std::string>();
  node.key = pool + "/" + name;
  node.title = printable(node.key);
  node.name = printable(name);
  node.state = state_of(json);
  node.health = health_of(json);
  json.at("dry").get_to(node.dry);
  node.blocked_by = printable(joined(json.at("dry_blocked_by")));
  json.at("sessions").at("live").get_to(node.live);
  json.at("sessions").at("pending").get_to(node.pending);
  json.at("exchanges_open").get_to(node.exchanges_open);
  json.at("websockets_open").get_to(node.websockets_open);
  node.last_click = millis(json.at("last_exchange_age_s"));
  node.requests_per_second = rate_of(json.value("traffic", Json()));
  if (const Json& bleeding = json.at("bleeding"); !bleeding.is_null()) {
    node.bleed = WatchedBleed{date_of(bleeding, "since"),  text_of(bleeding, "by"),
                              text_of(bleeding, "reason"), date_of(bleeding, "deadline"),
                              forecast_of(bleeding),       curve_of(bleeding)};
  }
  return node;
}

WatchedPool pool_of(const Json& json) {
  WatchedPool pool;
  const auto name = json.at("name").get<std::string>();
  pool.name = printable(name);
  for (const Json& line : json.value("problems", Json::array())) {
    pool.problems.push_back(printable(line.get<std::string>()));
  }
  for (const Json& node : json.at("nodes")) pool.nodes.push_back(node_of(name, node));
  return pool;
}

}  // namespace

const WatchedNode* WatchedStatus::find(std::string_view key) const {
  for (const WatchedNode* node : nodes()) {
    if (node->key == key) return node;
  }
  return nullptr;
}

std::vector<const WatchedNode*> WatchedStatus::nodes() const {
  std::vector<const WatchedNode*> all;
  for (const WatchedPool& pool : pools) {
    for (const WatchedNode& node : pool.nodes) all.push_back(&node);
  }
  return all;
}

std::optional<WatchedStatus> parse_watched_status(std::string_view response) {
  try {
    const Json json = Json::parse(response);
    WatchedStatus status;
    for (const Json& pool : json.at("pools")) status.pools.push_back(pool_of(pool));
    status.requests_per_second = rate_of(json.value("process", Json()));
    return status;
  } catch (const Json::exception&) {  // a response of some other program, or an error
    return std::nullopt;
  }
}

std::optional<std::string> parse_event_line(std::string_view line, std::string_view pool) {
  try {
    const Json json = Json::parse(line);
    const Json node = json.value("node", Json());
    const std::string key = node.is_string() ? node.get<std::string>() : "";
    if (!pool.empty() && !key.empty() && !key.starts_with(std::string(pool) + "/")) {
      return std::nullopt;
    }
    const std::string at = text_of(json, "at");
    const std::string time = at.size() >= 19 ? at.substr(11, 8) + "Z" : at;
    return time + " " + (key.empty() ? "" : printable(key) + " ") + text_of(json, "kind") + ": " +
           text_of(json, "text");
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bonedry::ctl
