#pragma once

#include "session/dry_forecast.h"

#include <string>

namespace bonedry::admin {

using session::DryForecast;

/// "dry in about 14m (9m to 31m)"; "dry in 12m" when the rounded times are equal. Longer times are
/// rounded more coarsely.
[[nodiscard]] std::string to_text(const DryForecast& forecast);

/// The same without words, for a table: "14m", and "14m (9m to 31m)".
[[nodiscard]] std::string likely_text(const DryForecast& forecast);
[[nodiscard]] std::string range_text(const DryForecast& forecast);

}  // namespace bonedry::admin
