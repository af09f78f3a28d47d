#include "proxy/base/utc.h"

namespace bonedry {

UtcTime to_utc(WallTime at) {
  UtcTime utc;
  utc.millis = static_cast<int>(((at.ms % 1000) + 1000) % 1000);
  const auto seconds = static_cast<std::time_t>((at.ms - utc.millis) / 1000);
  if (gmtime_r(&seconds, &utc.date) == nullptr) return {};
  return utc;
}

}  // namespace bonedry
