#include "proxy/base/clock.h"

namespace bonedry {

Instant SystemClock::now() const {
  return {std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch())
              .count()};
}

WallTime SystemClock::wall() const {
  return {std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace bonedry
