#pragma once

#include "admin/dry_in.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace bonedry::admin {

/// Tells which forecasts are news: the first of a bleed, and one that the last one told did not
/// think possible. Not thread-safe.
class ForecastNews {
 public:
  /// What is to be said of this node's forecast, if anything.
  [[nodiscard]] std::optional<std::string> of(const balancer::NodeId& node, const DryIn& forecast,
                                              Instant now);
  /// Forgets all nodes but these: their next forecast is a first one.
  void keep_only(const std::set<balancer::NodeId>& nodes);

 private:
  struct Told {
    DryIn forecast;
    Instant at;
  };

  [[nodiscard]] static bool is_surprise(const Told& told, const DryIn& forecast, Instant now);

  std::map<balancer::NodeId, Told> told_;
};

}  // namespace bonedry::admin
