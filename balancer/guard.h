#pragma once

#include "balancer/topology.h"
#include "proxy/base/result.h"

#include <string_view>

namespace bonedry::balancer {

/// Whether a pool can do without a node: the error says, with figures, why not. Refused when fewer
/// than `min_active` active, healthy nodes would remain (one whose first health check is not over
/// counts while none is known to be up), or when the `max_sessions` of those that
/// remain cannot hold the pool's sessions.
[[nodiscard]] Result<> check_guard(const PoolView& pool, std::string_view node_name, Instant now);

}  // namespace bonedry::balancer
