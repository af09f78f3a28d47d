#include "proxy/base/clock.h"

#include <ctime>

namespace bonedry {

Instant coarse_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);  // cannot fail: Linux has had it since 2.6.32
  return {std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000};
}

Instant SystemClock::now() const {
  return {std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch())
              .count()};
}

WallTime SystemClock::wall() const {
  return {std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace bonedry
