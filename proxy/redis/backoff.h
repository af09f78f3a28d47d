#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/random.h"

#include <algorithm>
#include <cstdint>

namespace bonedry::redis {

/// The pauses between attempts to connect: 250 ms, growing to 2 s, each varied by a quarter so that
/// the members of a cluster do not all come at once. Pure.
class Backoff {
 public:
  explicit Backoff(Random random) : random_(random) {}

  [[nodiscard]] Millis next() {
    const Millis pause = next_;
    next_ = std::min(next_ * 2, kMost);
    const auto spread = static_cast<std::uint32_t>(pause.count() / 2);
    return pause - pause / 4 + Millis{random_.below(spread)};
  }
  /// The next pause is the shortest again.
  void reset() { next_ = kLeast; }

 private:
  static constexpr Millis kLeast{250};
  static constexpr Millis kMost{2000};

  Random random_;
  Millis next_ = kLeast;
};

}  // namespace bonedry::redis
