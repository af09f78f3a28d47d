#pragma once

#include "admin/ctl/arguments.h"
#include "admin/ctl/exit_code.h"

namespace bonedry::ctl {

/// Carries out `switch`, then waits until all nodes of the other groups are dry, one after the
/// other. Prints what it does; with JSON one object at the end. Returns the code of the first wait
/// that fails.
[[nodiscard]] ExitCode switch_and_wait(const Invocation& asked);

}  // namespace bonedry::ctl
