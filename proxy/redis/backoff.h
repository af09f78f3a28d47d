#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/random.h"
#include "proxy/redis/pace.h"

#include <algorithm>
#include <cstdint>

namespace bonedry::redis {

/// The pauses between attempts to connect: each twice as long as the one before, up to a limit, and
/// varied by a quarter so that the members of a cluster do not all come at once. Pure.
class Backoff {
 public:
  Backoff(Random random, const Pace& pace)
      : random_(random), least_(pace.first_pause), most_(pace.longest_pause), next_(least_) {}

  [[nodiscard]] Millis next() {
    const Millis pause = next_;
    next_ = std::min(next_ * 2, most_);
    const auto spread = static_cast<std::uint32_t>(pause.count() / 2);
    return pause - pause / 4 + Millis{random_.below(spread)};
  }
  /// The next pause is the shortest again.
  void reset() { next_ = least_; }

 private:
  Random random_;
  Millis least_;
  Millis most_;
  Millis next_;
};

}  // namespace bonedry::redis
