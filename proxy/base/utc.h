#pragma once

#include "proxy/base/clock.h"

#include <ctime>

namespace bonedry {

/// A wall-clock time in UTC.
struct UtcTime {
  std::tm date{};  ///< whole seconds, rounded down, also before 1970
  int millis = 0;  ///< 0 to 999
};

/// All zeros where the year does not fit an int.
[[nodiscard]] UtcTime to_utc(WallTime at);

}  // namespace bonedry
