#pragma once

#include "admin/dry_forecast.h"
#include "admin/waits.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {

/// How a wait ended, and who was on the node at that moment.
struct WaitResult {
  balancer::NodeId node;
  WaitEnd end = WaitEnd::dry;
  std::optional<Millis> timeout;  ///< as it was asked for
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::optional<DryForecast> forecast = {};      ///< when it timed out
  std::vector<std::string> dry_blocked_by = {};  ///< then, too
};

}  // namespace bonedry::admin
