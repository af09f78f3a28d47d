#pragma once

#include "admin/dry_forecast.h"
#include "proxy/base/clock.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

/// How bonedryctl reads members of the proxy's JSON.
namespace bonedry::ctl {

/// A number of seconds; empty for everything else.
[[nodiscard]] std::optional<Millis> millis(const nlohmann::json& seconds);

/// A proxy of an earlier version reports no range, or no forecast.
[[nodiscard]] std::optional<admin::DryForecast> forecast_of(const nlohmann::json& object);

/// Texts, as "a, b, c".
[[nodiscard]] std::string joined(const nlohmann::json& reasons);

}  // namespace bonedry::ctl
