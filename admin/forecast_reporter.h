#pragma once

#include "admin/dry_forecast.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace bonedry::admin {

/// Decides which forecasts are worth an event: the first of a bleed, and one outside the range of
/// the last one reported. Not thread-safe.
class ForecastReporter {
 public:
  /// The text to report about this node's forecast, if any.
  [[nodiscard]] std::optional<std::string> of(const balancer::NodeId& node,
                                              const DryForecast& forecast, Instant now);
  /// Forgets all nodes but these: their next forecast counts as a first one.
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
