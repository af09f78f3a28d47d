#include "admin/dryness_check.h"

#include "admin/phrases.h"
#include "proxy/base/duration.h"

#include <algorithm>

namespace bonedry::admin {

Millis DrynessCheck::incomplete_for(const balancer::PoolView& pool,
                                    const balancer::NodeView& view) const {
  Instant until = pool.ledger_complete_at;
  if (const auto evicted = ledger_.last_eviction(view.slot)) {
    until = std::max(until, *evicted + session::longest_session(pool.config.session));
  }
  return std::max(until - ledger_.expiry_now(clock_.now()), Millis{0});
}

std::vector<std::string> DrynessCheck::blocked_by(const balancer::PoolView& pool,
                                                  const balancer::NodeView& view) const {
  std::vector<std::string> reasons;
  // The order of reading matters: a session is begun before its first exchange closes, so whoever
  // sees no exchange open and then no session has missed nobody.
  const std::int64_t exchanges = view.node->exchanges_open();
  const balancer::SessionCounts::Figures sessions = view.node->sessions().read();
  if (sessions.live > 0) reasons.push_back(counted(sessions.live, "live session"));
  if (sessions.pending > 0) reasons.push_back(counted(sessions.pending, "pending session"));
  if (exchanges > 0) reasons.push_back(counted(exchanges, "open exchange"));
  // Cookies that the ledger ought to know go nowhere once the door is shut.
  const Millis incomplete = incomplete_for(pool, view);
  if (incomplete > Millis{0} && view.door != balancer::Door::shut) {
    reasons.push_back("ledger incomplete for another " + format_duration(incomplete));
  }
  if (!doors_.is_acknowledged(view.node->id())) {
    const std::string who = lagging_process_();
    reasons.push_back(who.empty() ? "workers are taking over the new state"
                                  : who + " has not taken over the new state");
  }
  return reasons;
}

}  // namespace bonedry::admin
