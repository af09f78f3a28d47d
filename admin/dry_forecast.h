#pragma once

#include "proxy/base/clock.h"

#include <string>

namespace bonedry::admin {

/// How long until a node is dry, as a forecast.
struct DryForecast {
  Millis likely{0};  ///< median
  Millis low{0};     ///< 10th percentile: one in ten is sooner
  Millis high{0};    ///< 90th percentile: one in ten is later

  friend bool operator==(const DryForecast&, const DryForecast&) = default;
};

/// "dry in about 14m (9m to 31m)"; "dry in 12m" when the rounded times are equal. Longer times are
/// rounded more coarsely.
[[nodiscard]] std::string to_text(const DryForecast& forecast);

}  // namespace bonedry::admin
