#pragma once

#include "proxy/base/clock.h"

namespace bonedry::session {

/// How long until a node is dry, as a forecast.
struct DryForecast {
  Millis likely{0};  ///< median
  Millis low{0};     ///< 10th percentile: one in ten is sooner
  Millis high{0};    ///< 90th percentile: one in ten is later

  friend bool operator==(const DryForecast&, const DryForecast&) = default;
};

}  // namespace bonedry::session
