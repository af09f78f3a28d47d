#pragma once

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <string>

namespace bonedry::proxy {

/// Locks the state directory for this process, until the descriptor and all that were duplicated
/// from it are closed: two proxies on one state directory would overwrite each other's node states.
/// The error is for the operator.
[[nodiscard]] Result<UniqueFd> lock_state(const std::string& state_dir);

}  // namespace bonedry::proxy
