#pragma once

#include "admin/ctl/admin_request.h"
#include "admin/ctl/exit_code.h"

#include <optional>
#include <string>

namespace bonedry::ctl {

/// What `bonedryctl watch` was asked for.
struct WatchRequest {
  ProxyAddress proxy;
  std::string line;  ///< the command for the status as text
  std::string pool;  ///< empty: all
};

/// Shows the nodes on the terminal until the operator quits or a signal ends it. Nothing: there is
/// no terminal that can show them.
[[nodiscard]] std::optional<ExitCode> watch(const WatchRequest& request);

}  // namespace bonedry::ctl
