#pragma once

#include "proxy/base/clock.h"
#include "proxy/exchange_state.h"

#include <optional>

namespace bonedry::proxy {

/// How long the phases of an exchange took. One that did not happen has no time; one that happened
/// several times (a second node, a retry) has the sum.
struct PhaseTimes {
  std::optional<Millis> queue;    ///< waited for a connection that the node may have
  std::optional<Millis> connect;  ///< connected to a node, or failed to
  /// From sending the request's head until the head of the response, in the attempt that got one.
  std::optional<Millis> first_byte;
};

/// Measures them by the steps of AttemptState. A connection that is open already is no
/// `connecting`; what other members of the cluster are waited for is in none of the phases.
class PhaseClock {
 public:
  /// Call before each step. Returns how long the state took that ends.
  Millis step(AttemptState from, AttemptState to, Instant now) {
    const Millis taken = now - since_;
    since_ = now;
    if (from == AttemptState::queued) add(times_.queue, taken);
    if (from == AttemptState::connecting) add(times_.connect, taken);
    if (from == AttemptState::sent && to == AttemptState::answered) times_.first_byte = taken;
    return taken;
  }
  [[nodiscard]] const PhaseTimes& times() const { return times_; }

 private:
  static void add(std::optional<Millis>& sum, Millis taken) {
    sum = sum.value_or(Millis{0}) + taken;
  }

  PhaseTimes times_;
  Instant since_;
};

}  // namespace bonedry::proxy
