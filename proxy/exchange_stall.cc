#include "proxy/exchange.h"

#include <algorithm>

/// The part of Exchange that detects stalls and which side causes them.
namespace bonedry::proxy {
namespace {

// Checks per time-out. What a peer has acknowledged is only seen by polling, so a stall is detected
// at most a quarter of the time-out late, and never early.
constexpr int kChecksPerTimeout = 4;

Millis check_interval(Millis time_limit) {
  return std::max(Millis{1}, time_limit / kChecksPerTimeout);
}

}  // namespace

StallCause Exchange::stall_cause() const {
  IoState io;
  io.unsent_to_client = downstream_->unsent();
  io.unsent_to_node = !upstream_ ? 0 : upstream_->unsent();
  io.request = request_;
  io.response = response_;
  io.awaits_continue = info_.expects_continue && stats_.bytes_in == 0;
  return proxy::stall_cause(io);
}

/// How long the exchange may go without progress. A tunnel may be idle for long while both sides
/// are open, but not once one has ended.
Millis Exchange::time_limit() const {
  const conf::Timeouts& timeouts = context_.timeouts();
  if (in_tunnel()) {
    const bool both_ways = request_ == RequestState::tunnel && response_ == ResponseState::tunnel;
    return both_ways ? timeouts.tunnel : timeouts.stall;
  }
  return stall_cause() == StallCause::node_answers ? timeouts.response : timeouts.stall;
}

void Exchange::note_progress() {
  progress_.at = context_.now();
  progress_.unacknowledged.reset();
}

/// From now on there must be progress within the time-out.
void Exchange::watch() {
  arm_for(check_interval(time_limit()));
}

/// Treats bytes that a peer has acknowledged as progress. A full socket becomes writable only when
/// a third of its buffer, which may be megabytes, is free; the peer may well be receiving
/// meanwhile.
void Exchange::note_acknowledged() {
  const Progress::Unacknowledged now{downstream_->unacknowledged(),
                                     !upstream_ ? 0 : upstream_->unacknowledged()};
  // Acknowledgements before the first check are unknown; if bytes are outstanding, there is assumed
  // to be progress.
  const bool taken = progress_.unacknowledged ? now.client < progress_.unacknowledged->client ||
                                                    now.node < progress_.unacknowledged->node
                                              : now.client > 0 || now.node > 0;
  if (taken) progress_.at = context_.now();
  progress_.unacknowledged = now;
}

void Exchange::check_progress() {
  const Millis longest = time_limit();
  const Millis step = check_interval(longest);
  if (const Millis quiet = context_.now() - progress_.at; quiet < step)
    return timer_.arm(step - quiet);
  note_acknowledged();
  const Millis left = longest - (context_.now() - progress_.at);
  if (left > Millis{0}) return timer_.arm(std::min(left, step));
  on_stalled();
}

void Exchange::on_stalled() {
  const EndReason reason = end_reason_of(stall_cause());
  if (in_tunnel()) return end_tunnel(reason);
  if (response_ == ResponseState::local) return finish(end_reason_, StreamEnd::aborted);
  on_error({reason});
}

}  // namespace bonedry::proxy
