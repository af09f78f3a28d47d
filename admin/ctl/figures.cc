#include "admin/ctl/figures.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace bonedry::ctl {
namespace {

using Json = nlohmann::json;

std::optional<Millis> millis(const Json& seconds) {
  if (!seconds.is_number()) return std::nullopt;
  return Millis{std::llround(seconds.get<double>() * 1000)};
}

/// A proxy of an earlier version tells no range, or nothing.
std::optional<admin::DryIn> forecast_of(const Json& object) {
  const auto likely = millis(object.value("forecast_s", Json()));
  if (!likely) return std::nullopt;
  return admin::DryIn{*likely, millis(object.value("forecast_low_s", Json())).value_or(*likely),
                      millis(object.value("forecast_high_s", Json())).value_or(*likely)};
}

std::string listed(const Json& reasons) {
  std::string all;
  for (const Json& reason : reasons) all += (all.empty() ? "" : ", ") + reason.get<std::string>();
  return all;
}

Figures figures_of(const std::string& key, const Json& node) {
  Figures figures;
  figures.node = key;
  figures.live = node.at("sessions").at("live").get<std::int64_t>();
  figures.pending = node.at("sessions").at("pending").get<std::int64_t>();
  figures.exchanges_open = node.at("exchanges_open").get<std::int64_t>();
  figures.blocked_by = listed(node.at("dry_blocked_by"));
  figures.last_click = millis(node.at("last_exchange_age_s"));
  const Json& bleeding = node.at("bleeding");
  if (!bleeding.is_null()) figures.forecast = forecast_of(bleeding);
  return figures;
}

std::optional<ExitCode> code_of(std::string_view result) {
  if (result == "dry") return ExitCode::done;
  if (result == "timed_out") return ExitCode::timed_out;
  if (result == "activated" || result == "gone") return ExitCode::hopeless;
  return std::nullopt;
}

}  // namespace

std::optional<Figures> read_figures(std::string_view status, std::string_view node) {
  try {
    const Json parsed = Json::parse(status);
    for (const Json& pool : parsed.at("pools")) {
      for (const Json& each : pool.at("nodes")) {
        const auto name = each.at("name").get<std::string>();
        const std::string key = pool.at("name").get<std::string>() + "/" + name;
        if (key == node || name == node) return figures_of(key, each);
      }
    }
  } catch (const Json::exception&) {  // an answer of some other program, or an error
  }
  return std::nullopt;
}

std::optional<Verdict> read_verdict(std::string_view answer) {
  try {
    const Json parsed = Json::parse(answer);
    const auto code = code_of(parsed.at("result").get<std::string>());
    if (!code) return std::nullopt;
    // A proxy of an earlier version tells neither the exchanges nor what else there is.
    const admin::WhoIsLeft left{parsed.at("live").get<std::int64_t>(),
                                parsed.at("pending").get<std::int64_t>(),
                                parsed.value("exchanges_open", std::int64_t{0})};
    return Verdict{*code, parsed.at("node").get<std::string>(), left,
                   listed(parsed.value("dry_blocked_by", Json::array())), forecast_of(parsed)};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bonedry::ctl
