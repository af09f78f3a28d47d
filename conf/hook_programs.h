#pragma once

#include "conf/config.h"
#include "conf/problems.h"

#include <vector>

namespace bonedry::conf {

/// A warning for each program of the hooks that is absent, or that this user cannot execute.
[[nodiscard]] std::vector<Problem> missing_programs(const Hooks& hooks);

}  // namespace bonedry::conf
