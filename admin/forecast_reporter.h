#pragma once

#include "admin/dry_forecast.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace bonedry::admin {

/// Tells which forecasts are news: the first of a bleed, and one that the last one reported did not
/// think possible. Not thread-safe.
class ForecastReporter {
 public:
  /// What is to be said of this node's forecast, if anything.
  [[nodiscard]] std::optional<std::string> of(const balancer::NodeId& node,
                                              const DryForecast& forecast, Instant now);
  /// Forgets all nodes but these: their next forecast is a first one.
  void keep_only(const std::set<balancer::NodeId>& nodes);

 private:
  struct Reported {
    DryForecast forecast;
    Instant at;
  };

  [[nodiscard]] static bool deviates(const Reported& reported, const DryForecast& forecast,
                                     Instant now);

  std::map<balancer::NodeId, Reported> reported_;
};

}  // namespace bonedry::admin
