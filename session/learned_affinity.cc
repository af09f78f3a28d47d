#include "session/learned_affinity.h"

namespace bonedry::session {

LearnedAffinity::LearnedAffinity(const balancer::PoolView& pool,
                                 std::span<const std::string> secrets, Ledger& ledger,
                                 const Clock& clock)
    : Affinity(pool, ledger, clock, pool.config.session.cookie), hash_(secrets, pool.config.name) {}

Affinity::Found LearnedAffinity::look_up(std::string_view value, Visit& visit, Instant now) {
  if (value.empty()) return Found::no;
  for (std::size_t secret = 0; secret < hash_.secrets(); ++secret) {
    const SessionKey key = hash_.key(secret, value);
    if (!visit.brought) visit.brought = key;
    const auto opened = ledger_.open_verified(key, now);
    if (!opened || take(*opened, visit, now) == Found::no) continue;
    visit.key = key;
    return Found::yes;
  }
  return Found::no;
}

std::string LearnedAffinity::welcome(Visit& visit, std::size_t node, const Answer& answer) {
  const std::string_view given = answer.cookie.value;
  if (visit.held) {
    if (!given.empty() && !is_of(visit, given)) rename(visit, hash_.key(0, given), node);
  } else if (!given.empty()) {
    begin(visit, hash_.key(0, given), node);
  } else if (visit.brought) {
    begin(visit, *visit.brought, node);
  }
  return {};
}

/// The node has given its user another value, as it does at a login. The user has shown that they
/// keep cookies, so the new session is live, and as old as the old one: no login outwits
/// max_lifetime. It is counted before the old one ends, so that no look in between misses the user.
/// Other exchanges that hold the old one may still be answered as if nothing had happened, and
/// theirs may be the answer that the browser heeds: then it ends by time.
void LearnedAffinity::rename(Visit& visit, const SessionKey& key, std::size_t node) {
  const Instant now = clock_.now();
  const SessionRef old = *visit.held;
  visit.key = key;
  take_begun(ledger_.begin(key, 0, pool_.nodes[node].slot, SessionState::live, visit.created, now),
             visit, node);
  ledger_.end_if_sole(old);
  ledger_.close(old, now);
}

bool LearnedAffinity::is_of(const Visit& visit, std::string_view value) {
  for (std::size_t secret = 0; secret < hash_.secrets(); ++secret) {
    if (hash_.key(secret, value) == visit.key) return true;
  }
  return false;
}

}  // namespace bonedry::session
