#pragma once

#include <string_view>

namespace bonedry {

/// Sets what happens on SIGBUS, which by default kills the process silently when it accesses a
/// mapped file where the file was truncated or its disk fails to read it. From now on the process
/// writes `why` to standard error, if that does not block, and exits with `code`. For one mapped
/// file only; `why` is cut off after a kilobyte.
void end_on_bus_error(std::string_view why, int code);

}  // namespace bonedry
