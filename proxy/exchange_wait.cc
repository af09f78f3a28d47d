// Waiting for the other members of a cluster, before a node is chosen: for what they know of the
// user's session, and for their agreement whether its node is dry.

#include "proxy/exchange.h"

#include <utility>

namespace bonedry::proxy {
namespace {

// The other members answer within this time, or count as silent.
constexpr Millis kAnswerTime{100};
// How often a request looks whether the door of its node is still held, and for how long in all.
constexpr Millis kDoorInterval{100};
constexpr Millis kHeldTime{3000};

}  // namespace

/// False: the exchange waits for the answers, and the rest of the request with it.
bool Exchange::ask_others(const session::SessionInquiry& inquiry) {
  inquiry_ = context_.inquiries()->ask(inquiry, [this] { on_answers(); });
  if (inquiry_->is_answered()) {
    look_again();
    return true;
  }
  set(AttemptState::asking);
  arm_for(kAnswerTime);
  return false;
}

/// All answers are there, or no more of them are waited for.
void Exchange::on_answers() {
  calls_.expect_none();
  timer_.disarm();
  inquiry_->stop_waiting();
  set(AttemptState::none);
  look_again();
  note_exemption();
  route();
}

/// Looks the session up once more, by the current topology.
void Exchange::look_again() {
  const std::shared_ptr<PoolRuntime> before = std::exchange(runtime_, current_runtime());
  if (before != runtime_) routing_.tried.clear();
  const session::SessionBinding found = look_up(inquiry_ ? &inquiry_->inquiry() : nullptr);
  // Only now, so that a session that was held does not end in between.
  before->affinity().release(binding_, context_.exact_now());
  binding_ = found;
}

/// The door of the session's node is held: the session goes nowhere until that is decided.
void Exchange::wait_at_door() {
  routing_.decision = balancer::RouteDecision::held;
  const Instant now = context_.now();
  if (routing_.held_since == Instant{}) routing_.held_since = now;
  if (now - routing_.held_since >= kHeldTime) return on_error({EndReason::held});
  set(AttemptState::held);
  arm_for(kDoorInterval);
}

void Exchange::check_door() {
  const bool changed = runtime_ != current_runtime();
  if (!changed && context_.now() - routing_.held_since < kHeldTime) {
    return timer_.arm(kDoorInterval);
  }
  set(AttemptState::none);
  if (changed) look_again();
  route();
}

}  // namespace bonedry::proxy
