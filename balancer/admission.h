#pragma once

#include "balancer/topology.h"
#include "proxy/base/clock.h"

#include <cstdint>

namespace bonedry::balancer {

/// Whether a pool takes new users, and if not, why.
enum class Admission : std::uint8_t {
  open,
  none_active,   ///< no node is active and has a weight
  none_healthy,  ///< all of these are down, by checks or after failed connects
  none_free,     ///< all of these that are healthy have their `max_sessions`
};

/// Stricter than the Picker, which tries nodes that are marked after failed connects when nothing
/// else is left. Nodes that wait for their first health check count, as the Picker takes them.
[[nodiscard]] Admission admission(const PoolView& pool, Instant now);

}  // namespace bonedry::balancer
