#pragma once

#include "admin/status.h"
#include "proxy/base/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin::haproxy {

/// What `show servers state` answers: version 1 of HAProxy's server-state file, a row for each node
/// of all pools, or of the named one. `status` must have all pools, since their numbers are those
/// of `stat_table`. `now`: for ages.
[[nodiscard]] std::string server_state_table(const Status& status,
                                             std::optional<std::string_view> pool, WallTime now);

}  // namespace bonedry::admin::haproxy
