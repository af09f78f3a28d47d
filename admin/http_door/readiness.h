#pragma once

#include "admin/status.h"

#include <string>
#include <vector>

namespace bonedry::admin::http_door {

/// Why the proxy cannot serve new users: one line for each pool that has no node for them. Empty:
/// it is ready.
[[nodiscard]] std::vector<std::string> not_ready(const Status& status);

}  // namespace bonedry::admin::http_door
