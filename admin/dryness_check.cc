#include "admin/dryness_check.h"

#include "admin/phrases.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <iterator>

namespace bonedry::admin {

Millis DrynessCheck::ledger_incomplete_for(const balancer::PoolView& pool,
                                           const balancer::NodeView& view) const {
  Instant until = pool.ledger_complete_at;
  if (const auto evicted = ledger_.last_eviction(view.slot)) {
    until = std::max(until, *evicted + session::longest_session(pool.config.session));
  }
  return std::max(until - ledger_.expiry_now(clock_.now()), Millis{0});
}

std::vector<std::string> DrynessCheck::blocked_by(const balancer::PoolView& pool,
                                                  const balancer::NodeView& view) const {
  std::vector<std::string> reasons = blocked_here(pool, view);
  if (peers_ == nullptr) return reasons;
  std::vector<std::string> others = peers_->blocked_by(view.node->id());
  std::ranges::move(others, std::back_inserter(reasons));
  return reasons;
}

std::vector<std::string> DrynessCheck::blocked_here(const balancer::PoolView& pool,
                                                    const balancer::NodeView& view) const {
  std::vector<std::string> reasons;
  // The order of reading matters: a session is begun before its first exchange closes, so reading
  // no open exchange and then no session misses no user.
  const std::int64_t exchanges = view.node->exchanges_open();
  const balancer::SessionCounts::Values sessions = view.node->sessions().read();
  if (sessions.live > 0) reasons.push_back(counted(sessions.live, "live session"));
  if (sessions.pending > 0) reasons.push_back(counted(sessions.pending, "pending session"));
  if (exchanges > 0) reasons.push_back(counted(exchanges, "open exchange"));
  // Once the door is shut, cookies that are missing in the ledger lead nowhere. While it is held,
  // their users wait.
  const Millis incomplete = ledger_incomplete_for(pool, view);
  if (incomplete > Millis{0} && view.door != balancer::Door::shut) {
    reasons.push_back("ledger incomplete for another " + format_duration(incomplete));
  }
  if (!doors_.is_acknowledged(view.node->id())) {
    const std::string who = lagging_process_();
    reasons.push_back(who.empty() ? "workers have not yet applied the new state"
                                  : who + " has not yet applied the new state");
  }
  return reasons;
}

}  // namespace bonedry::admin
