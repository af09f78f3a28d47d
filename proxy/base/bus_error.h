#pragma once

#include <string_view>

namespace bonedry {

/// Whoever touches a mapped file where it was truncated, or where its disk fails to read it, is
/// killed by SIGBUS without a word. From now on this process says `why` on standard error instead,
/// if that takes it without waiting, and exits with `code`. For the one file that is mapped; `why`
/// is cut after a kilobyte.
void end_on_bus_error(std::string_view why, int code);

}  // namespace bonedry
