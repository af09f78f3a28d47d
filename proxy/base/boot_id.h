#pragma once

#include <string>

namespace bonedry {

/// Names the machine's current boot, within which Instants can be compared across processes. Empty
/// where the system does not tell: such a boot is no other's, and not its own.
[[nodiscard]] std::string boot_id();

}  // namespace bonedry
