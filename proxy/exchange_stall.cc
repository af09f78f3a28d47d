#include "proxy/exchange.h"

#include <algorithm>

/// The part of Exchange that finds out whether anything moves, and whose doing it is when nothing
/// does.
namespace bonedry::proxy {
namespace {

// Looks within one time-out. What a peer has acknowledged is only seen by looking, so a stalled one
// is given up at most a quarter of the time-out late, and never early.
constexpr int kLooks = 4;

Millis between_looks(Millis time_limit) {
  return std::max(Millis{1}, time_limit / kLooks);
}

}  // namespace

Awaited Exchange::awaited() const {
  Standing standing;
  standing.unsent_to_client = downstream_->unsent();
  standing.unsent_to_node = !upstream_ ? 0 : upstream_->unsent();
  standing.request = request_;
  standing.response = response_;
  standing.awaits_continue = info_.expects_continue && figures_.bytes_in == 0;
  return proxy::awaited(standing);
}

/// How long nothing may move: one side of a tunnel may be quiet for long; once the other has said
/// all, it has less reason to.
Millis Exchange::time_limit() const {
  const conf::Timeouts& timeouts = host_.timeouts();
  if (in_tunnel()) {
    const bool both_ways = request_ == RequestState::tunnel && response_ == ResponseState::tunnel;
    return both_ways ? timeouts.tunnel : timeouts.stall;
  }
  return awaited() == Awaited::node_answers ? timeouts.response : timeouts.stall;
}

void Exchange::note_movement() {
  movement_.at = host_.now();
  movement_.unacknowledged.reset();
}

/// From now on something must move within the time-out.
void Exchange::watch() {
  arm_for(between_looks(time_limit()));
}

/// Our own bytes move in large steps only: a socket that was full has room again when a third of
/// its buffer, which may be megabytes, is free. Meanwhile the peer may well be taking them.
void Exchange::note_acknowledged() {
  const Movement::Unacknowledged now{downstream_->unacknowledged(),
                                     !upstream_ ? 0 : upstream_->unacknowledged()};
  // What was taken before the first look is not known, and held to be something.
  const bool taken = movement_.unacknowledged ? now.client < movement_.unacknowledged->client ||
                                                    now.node < movement_.unacknowledged->node
                                              : now.client > 0 || now.node > 0;
  if (taken) movement_.at = host_.now();
  movement_.unacknowledged = now;
}

void Exchange::look() {
  const Millis longest = time_limit();
  const Millis step = between_looks(longest);
  if (const Millis quiet = host_.now() - movement_.at; quiet < step)
    return timer_.arm(step - quiet);
  note_acknowledged();
  const Millis left = longest - (host_.now() - movement_.at);
  if (left > Millis{0}) return timer_.arm(std::min(left, step));
  give_up();
}

void Exchange::give_up() {
  const EndReason reason = ending_of(awaited());
  if (in_tunnel()) return end_tunnel(reason);
  if (response_ == ResponseState::local) return finish(ending_, Departure::aborted);
  on_error({reason});
}

}  // namespace bonedry::proxy
