#include "admin/ctl/json_fields.h"
#include "admin/ctl/progress.h"

#include <nlohmann/json.hpp>

namespace bonedry::ctl {
namespace {

using Json = nlohmann::json;

NodeProgress figures_of(const std::string& key, const Json& node) {
  NodeProgress progress;
  progress.node = key;
  progress.live = node.at("sessions").at("live").get<std::int64_t>();
  progress.pending = node.at("sessions").at("pending").get<std::int64_t>();
  progress.exchanges_open = node.at("exchanges_open").get<std::int64_t>();
  progress.blocked_by = joined(node.at("dry_blocked_by"));
  progress.last_exchange_age = millis(node.at("last_exchange_age_s"));
  const Json& bleeding = node.at("bleeding");
  if (!bleeding.is_null()) progress.forecast = forecast_of(bleeding);
  return progress;
}

std::optional<ExitCode> code_of(std::string_view result) {
  if (result == "dry" || result == "healthy" || result == "unchecked") return ExitCode::done;
  if (result == "timed_out") return ExitCode::timed_out;
  if (result == "activated" || result == "gone") return ExitCode::cannot_succeed;
  return std::nullopt;
}

}  // namespace

std::optional<NodeProgress> parse_node_progress(std::string_view status, std::string_view node) {
  try {
    const Json parsed = Json::parse(status);
    for (const Json& pool : parsed.at("pools")) {
      for (const Json& each : pool.at("nodes")) {
        const auto name = each.at("name").get<std::string>();
        const std::string key = pool.at("name").get<std::string>() + "/" + name;
        if (key == node || name == node) return figures_of(key, each);
      }
    }
  } catch (const Json::exception&) {  // a response of some other program, or an error
  }
  return std::nullopt;
}

std::optional<Millis> parse_uptime(std::string_view status) {
  try {
    return millis(Json::parse(status).at("process").at("uptime_s"));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::optional<ReportedSwitch> parse_switch_result(std::string_view response) {
  try {
    const Json parsed = Json::parse(response);
    ReportedSwitch result{parsed.at("message").get<std::string>(), {}};
    for (const Json& bled : parsed.at("bleeding")) {
      result.bleeding.push_back(bled.at("node").get<std::string>());
    }
    return result;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::optional<ReportedWait> parse_wait_result(std::string_view response) {
  try {
    const Json parsed = Json::parse(response);
    const auto code = code_of(parsed.at("result").get<std::string>());
    if (!code) return std::nullopt;
    // A proxy of an earlier version reports neither exchanges nor what blocks dryness.
    const admin::RemainingUsers left{parsed.at("live").get<std::int64_t>(),
                                     parsed.at("pending").get<std::int64_t>(),
                                     parsed.value("exchanges_open", std::int64_t{0})};
    const Json check = parsed.value("last_check", Json());
    return ReportedWait{*code,
                        parsed.at("node").get<std::string>(),
                        left,
                        joined(parsed.value("dry_blocked_by", Json::array())),
                        forecast_of(parsed),
                        check.is_string() ? check.get<std::string>() : ""};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bonedry::ctl
