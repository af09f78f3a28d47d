#pragma once

#include "proxy/base/clock.h"

#include <algorithm>
#include <cstdint>

namespace bonedry::balancer {

/// Whether a request may be sent a second time, on another connection, if the first one dies.
enum class Repeat : std::uint8_t { allowed, forbidden };

/// How long we keep an idle connection that the node keeps for `kept`: somewhat shorter, so that
/// the node does not close it while our next request is on its way.
[[nodiscard]] constexpr Millis with_margin(Millis kept) {
  constexpr Millis kMargin = std::chrono::seconds{1};
  return kept < 2 * kMargin ? kept / 2 : kept - kMargin;
}

/// Estimates how long a node keeps idle connections, from those it has closed. Requests that must
/// not be repeated follow the estimate after fewer closes than others. A restart closes connections
/// of any age and looks like a short lifetime, so the estimate is doubled whenever nothing has
/// confirmed it for `kRecovery`, until it is forgotten. One per worker and node; constant in size.
class IdleLifetime {
 public:
  /// Early closes before the estimate is used; fewer may be chance.
  static constexpr unsigned kFew = 3;
  /// The same for requests that may be repeated: they risk only a round trip.
  static constexpr unsigned kMany = 8;
  static constexpr Millis kRecovery = std::chrono::seconds{30};
  static constexpr Millis kShortest{100};  ///< what is tried first in a recovery

  /// `max`: the lifetime to use while nothing is known about the node.
  void set_max(Millis max) { max_ = max; }

  /// The node has closed a connection that was idle for `age`, or did not respond on it. `since`:
  /// when it became idle or was lent. Connections whose `since` is before the last counted close
  /// count as one event with it, most likely a restart.
  void note_closed(Millis age, Instant since, Instant now) {
    recover(now);
    const Millis kept = with_margin(age);
    if (kept >= (closed_ == 0 ? max_ : next())) return;
    known_ = closed_ == 0 ? kept : std::min(known_, kept);
    if (closed_ == 0 || since >= counted_at_) {
      closed_ = std::min(closed_ + 1, kMany);
      counted_at_ = now;
    }
    noted_at_ = now;
  }

  /// Idle connections younger than this may carry the request.
  [[nodiscard]] Millis usable(Repeat repeat, Instant now) {
    if (closed_ == 0) return max_;
    recover(now);
    const unsigned needed = repeat == Repeat::allowed ? kMany : kFew;
    return closed_ < needed ? max_ : std::min(known_, max_);
  }

 private:
  [[nodiscard]] Millis next() const { return std::max(2 * known_, kShortest); }
  void recover(Instant now) {
    while (closed_ > 0 && now - noted_at_ >= kRecovery) {
      known_ = next();
      noted_at_ = noted_at_ + kRecovery;
      if (known_ >= max_) closed_ = 0;
    }
  }

  Millis max_{0};
  Millis known_{0};      // the shortest of the early closes, with the margin
  unsigned closed_ = 0;  // early closes, up to kMany; 0: nothing is known
  Instant counted_at_;
  Instant noted_at_;
};

}  // namespace bonedry::balancer
