// How SessionSync takes over the sessions of a member that leaves.
#include "admin/cluster/session_sync.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {
namespace {

constexpr std::size_t kTakenAtOnce = 1000;  // some 10 ms of the time of a small store

}  // namespace

std::string SessionSync::everything_sent() {
  sender_.collect();
  const bool all = stage_ == Stage::complete && sender_.has_sent_all() && !taking_over_;
  return all ? token_ : "";
}

void SessionSync::take_over(const SessionIndex::Leaver& leaver,
                            std::function<void(TakeoverEnd)> done) {
  if (!has_joined()) return done({TakeoverEnd::Kind::not_now, "the store is lost"});
  if (taking_over_) return done({TakeoverEnd::Kind::not_now, "another member is taken over"});
  taking_over_.emplace(TakingOver{leaver, 0, TakingOver::Asking::with_next_tick, std::move(done)});
  ask_for_more();
}

void SessionSync::ask_for_more() {
  if (!taking_over_ || taking_over_->asking == TakingOver::Asking::now) return;
  taking_over_->asking = TakingOver::Asking::now;
  index_.take_over(
      taking_over_->leaver, taking_over_->from, kTakenAtOnce,
      on_this_connection<SessionIndex::Taken>(
          [this, asked = clock_.now()](const auto& taken) { on_taken(asked, taken); }));
}

void SessionSync::on_taken(Instant asked, const Result<SessionIndex::Taken>& taken) {
  if (!taking_over_) return;
  taking_over_->asking = TakingOver::Asking::with_next_tick;
  if (!taken) return finish_takeover({TakeoverEnd::Kind::not_now, taken.error()});
  const auto node_of = [this](const SessionIndex::Alive& alive) {
    const auto slot = nodes_.slot_of(alive.tag);
    return slot ? nodes_.find(*slot) : nullptr;
  };
  const auto& sessions = taken->sessions;
  if (!std::ranges::all_of(sessions, node_of)) {
    return finish_takeover({TakeoverEnd::Kind::impossible, "this member lacks one of its nodes"});
  }
  // Whoever was on a node whose doors a vote holds has left it, or the vote will be called off:
  // then the store says which.
  const auto is_held = [&](const SessionIndex::Alive& alive) {
    return node_of(alive)->entrance == SyncNode::Entrance::held;
  };
  if (std::ranges::any_of(sessions, is_held)) return;
  const Instant now = clock_.now();
  sender_.collect();
  for (const SessionIndex::Alive& one : sessions) {
    if (node_of(one)->entrance == SyncNode::Entrance::shut) continue;  // nobody has it any more
    if (sender_.ended_lately(one.key)) continue;                       // since the store was asked
    sessions_.adopt({one.key, 0, *nodes_.slot_of(one.tag), one.state, asked - one.age,
                     asked - one.place_age, now + one.left},
                    now);
  }
  for (const auto& [key, of] : taken->aliases) sessions_.alias_remote(key, of, now);
  if (!taken->next) return finish_takeover({});
  taking_over_->from = *taken->next;
  ask_for_more();
}

void SessionSync::finish_takeover(const TakeoverEnd& end) {
  if (!taking_over_) return;
  const auto done = std::move(taking_over_->done);
  taking_over_.reset();
  done(end);
}

}  // namespace bonedry::admin::cluster
