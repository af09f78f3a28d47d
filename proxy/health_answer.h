#pragma once

#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "proxy/http/message.h"
#include "proxy/process_state.h"

#include <string_view>

namespace bonedry::proxy {

/// The response to a load balancer in front that asks whether it should send new users here
/// (`health_path`): 200, or 503 and one line that says why not. `pool`: that of the listener; null
/// if it has none, which is healthy until the process stops. Never names a node: the listener may
/// be public.
[[nodiscard]] http::LocalResponse answer_health(std::string_view method,
                                                const balancer::PoolView* pool,
                                                ProcessState process, Instant now);

}  // namespace bonedry::proxy
