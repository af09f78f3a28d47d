#pragma once

#include "proxy/base/clock.h"

#include <algorithm>
#include <cstdint>

namespace bonedry::balancer {

/// Whether a request may be sent a second time, on another connection, if the first one dies.
enum class Repeat : std::uint8_t { allowed, forbidden };

/// How much shorter than what a node keeps connections for we do: what it closes and what we send
/// must not meet on the way.
[[nodiscard]] constexpr Millis with_margin(Millis kept) {
  constexpr Millis kMargin = std::chrono::seconds{1};
  return kept < 2 * kMargin ? kept / 2 : kept - kMargin;
}

/// How long a node keeps idle connections, as far as it has shown by closing some. What may be
/// repeated needs less of it than what may not. A restart closes connections of any age and looks
/// like a short life, so what was learned is doubled whenever nothing has confirmed it for
/// `kRecovery`, until it is forgotten. One worker's, for one node; constant in size.
class IdleLifetime {
 public:
  /// Connections closed early before the node's word for it is taken: fewer may be chance.
  static constexpr unsigned kFew = 3;
  /// The same for requests that may be repeated: a round trip is all that they risk.
  static constexpr unsigned kMany = 8;
  static constexpr Millis kRecovery = std::chrono::seconds{30};
  static constexpr Millis kShortest{100};  ///< what is tried first in a recovery

  /// `most`: what is used of a node of which nothing is known.
  void set_most(Millis most) { most_ = most; }

  /// The node has closed a connection that was idle for `age`, or did not answer on it. All that
  /// were idle or lent (`since`) before one closed are one event with it: a restart, most likely.
  void note_closed(Millis age, Instant since, Instant now) {
    recover(now);
    const Millis kept = with_margin(age);
    if (kept >= (closed_ == 0 ? most_ : next())) return;
    known_ = closed_ == 0 ? kept : std::min(known_, kept);
    if (closed_ == 0 || since >= counted_at_) {
      closed_ = std::min(closed_ + 1, kMany);
      counted_at_ = now;
    }
    noted_at_ = now;
  }

  /// Idle connections younger than this may carry the request.
  [[nodiscard]] Millis usable(Repeat repeat, Instant now) {
    if (closed_ == 0) return most_;
    recover(now);
    const unsigned needed = repeat == Repeat::allowed ? kMany : kFew;
    return closed_ < needed ? most_ : std::min(known_, most_);
  }

 private:
  [[nodiscard]] Millis next() const { return std::max(2 * known_, kShortest); }
  void recover(Instant now) {
    while (closed_ > 0 && now - noted_at_ >= kRecovery) {
      known_ = next();
      noted_at_ = noted_at_ + kRecovery;
      if (known_ >= most_) closed_ = 0;
    }
  }

  Millis most_{0};
  Millis known_{0};      // of what was closed early, the shortest
  unsigned closed_ = 0;  // how often, up to kMany; 0: nothing is known
  Instant counted_at_;
  Instant noted_at_;
};

}  // namespace bonedry::balancer
