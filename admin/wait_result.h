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

/// How a wait ended, and the users on the node at that moment.
struct WaitResult {
  balancer::NodeId node;
  WaitEnd end = WaitEnd::dry;
  std::optional<Millis> timeout;  ///< as requested
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::optional<DryForecast> forecast = {};      ///< set when it timed out
  std::vector<std::string> dry_blocked_by = {};  ///< likewise
  Awaited awaited = Awaited::dry;
  std::string last_check = {};  ///< of a wait for health: what the last check found, or nothing
};

}  // namespace bonedry::admin
