#pragma once

#include "session/dry_forecast.h"

#include <optional>
#include <string>

namespace bonedry::admin {

using session::DryForecast;

/// How long until a node is dry, as far as it depends on the users of one member. Both empty: none
/// is there, or nothing is known yet.
struct DryOutlook {
  std::optional<DryForecast> forecast;
  std::string no_forecast;  ///< why there is no forecast

  friend bool operator==(const DryOutlook&, const DryOutlook&) = default;
};

/// That of both: a node is dry when its last user has left. There is no forecast where one of them
/// has none for its users.
[[nodiscard]] DryOutlook later_of(const DryOutlook& one, const DryOutlook& other);

/// "dry in about 14m (9m to 31m)"; "dry in 12m" when the rounded times are equal. Longer times are
/// rounded more coarsely.
[[nodiscard]] std::string to_text(const DryForecast& forecast);

/// The same without words, for a table: "14m", and "14m (9m to 31m)".
[[nodiscard]] std::string likely_text(const DryForecast& forecast);
[[nodiscard]] std::string range_text(const DryForecast& forecast);

}  // namespace bonedry::admin
