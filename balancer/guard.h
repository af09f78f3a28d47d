#pragma once

#include "balancer/topology.h"
#include "proxy/base/result.h"

#include <string_view>

namespace bonedry::balancer {

/// Checks whether a pool can do without a node; the error gives the reason with figures. Refused
/// when fewer than `min_active` active, healthy nodes would remain, or when the `max_sessions` of
/// the remaining nodes cannot hold the pool's sessions. A node whose first health check is pending
/// counts only while no node is known to be up.
[[nodiscard]] Result<> check_guard(const PoolView& pool, std::string_view node_name, Instant now);

/// Likewise, whether the nodes of one group can do the work of the whole pool, whatever state they
/// are in now.
[[nodiscard]] Result<> check_group(const PoolView& pool, std::string_view group, Instant now);

}  // namespace bonedry::balancer
