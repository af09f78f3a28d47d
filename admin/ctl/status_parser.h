#pragma once

#include "admin/ctl/exit_code.h"
#include "admin/dry_forecast.h"
#include "admin/remaining_users.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Parses the proxy's JSON responses for bonedryctl.
namespace bonedry::ctl {

/// What an operator who waits wants to see of a node.
struct NodeProgress {
  std::string node;  ///< "shop/alice"
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::string blocked_by;  ///< what keeps the node from being dry
  std::optional<Millis> last_exchange_age;
  std::optional<admin::DryForecast> forecast;
};

/// How a wait ended, as the proxy reported it.
struct ReportedWait {
  ExitCode code = ExitCode::done;
  std::string node;
  admin::RemainingUsers left;
  std::string blocked_by;  ///< what keeps the node from being dry
  std::optional<admin::DryForecast> forecast = {};
  std::string last_check = {};  ///< what the last health check found; empty: there was none
};

/// The progress of a node ("alice" or "shop/alice") in the response to `status json`; empty when
/// the node is not in there.
[[nodiscard]] std::optional<NodeProgress> parse_node_progress(std::string_view status,
                                                              std::string_view node);

/// How long the proxy had been running in the response to `status json`; empty when it does not
/// say.
[[nodiscard]] std::optional<Millis> parse_uptime(std::string_view status);

/// What a switch has begun.
struct ReportedSwitch {
  std::string message;                ///< one line for people
  std::vector<std::string> bleeding;  ///< "shop/alice"
};

/// The response to `switch POOL GROUP json`; empty when it is not such a response.
[[nodiscard]] std::optional<ReportedSwitch> parse_switch_result(std::string_view response);

/// The response to `wait NODE json`; empty when it is not such a response.
[[nodiscard]] std::optional<ReportedWait> parse_wait_result(std::string_view response);

}  // namespace bonedry::ctl
