#pragma once

#include "admin/status.h"
#include "proxy/predecessor.h"
#include "proxy/server.h"

namespace bonedry::proxy {

/// What `status` shows of the data plane: reads the workers' counters without stopping them. Main
/// thread only. `predecessor`: null if this process did not begin by an upgrade.
[[nodiscard]] admin::TrafficStatus traffic_status(const Server& server,
                                                  const Predecessor* predecessor);

}  // namespace bonedry::proxy
