#pragma once

#include <string>

namespace bonedry {

/// Identifies the machine's current boot, within which Instants can be compared across processes.
/// Empty if the system does not provide it; an empty id matches no boot, not even its own.
[[nodiscard]] std::string boot_id();

}  // namespace bonedry
