#include "session/learned_affinity.h"

namespace bonedry::session {

LearnedAffinity::LearnedAffinity(const balancer::PoolView& pool,
                                 std::span<const std::string> secrets, Ledger& ledger,
                                 const Clock& clock)
    : Affinity(pool, ledger, clock, pool.config.session.cookie), hash_(secrets, pool.config.name) {}

Affinity::Found LearnedAffinity::look_up(std::string_view value, Visit& visit, ProofBudget& budget,
                                         Instant now) {
  if (value.empty() || !budget.spend()) return Found::no;
  for (std::size_t secret = 0; secret < hash_.secrets(); ++secret) {
    const SessionKey key = hash_.key(secret, value);
    if (!visit.brought) visit.brought = key;
    const auto opened = ledger_.open_verified(key, now);
    if (!opened || take(*opened, visit, now) == Found::no) continue;
    visit.key = key;
    using OpenedAs = OpenedSession::Found;
    if (opened->found == OpenedAs::by_other_value) visit.found_by = Visit::FoundBy::another;
    if (opened->found == OpenedAs::first_since_renewal) {
      ledger_.came_back(opened->ref, pool_.config.session.renewal_grace, now);
    }
    return Found::yes;
  }
  return Found::no;
}

std::string LearnedAffinity::welcome(Visit& visit, std::size_t node, const Answer& answer) {
  if (!visit.held && !answer.gives() && visit.brought) begin(visit, *visit.brought, node);
  for (const CookieNews& news : answer.cookies()) {
    if (news.change != CookieChange::given) continue;
    // Another request may have begun it, and by then there may be cookies of it at other paths.
    const bool begun =
        !visit.held && begin(visit, hash_.key(0, news.value), node) == DoneBy::this_call;
    if (begun) {
      ledger_.tag_cookie(*visit.held, news.tag);
    } else {
      take_value(visit, news, node);
    }
  }
  return {};
}

/// The user has shown that they keep cookies, so a renewed session is live, and as old as it was:
/// no login outwits max_lifetime. Only the same cookie, by domain and path, takes the place of the
/// one before; any other stands beside it, and both are the user's.
void LearnedAffinity::take_value(Visit& visit, const CookieNews& news, std::size_t node) {
  const Instant now = clock_.now();
  const CookieTag tag = ledger_.cookie_tag(*visit.held);
  const bool same = tag == kUnknownTag ? news.scope == CookieNews::Scope::usual : tag == news.tag;
  const bool known = is_of(visit, news.value);
  if (same && !known) {
    const SessionKey key = hash_.key(0, news.value);
    const MovedSession there = ledger_.renew(*visit.held, key, pool_.nodes[node].slot, now);
    if (there.moved == DoneBy::this_call) visit.key = key;
  } else if (!known) {
    ledger_.alias(*visit.held, hash_.key(0, news.value), now);
  }
  ledger_.tag_cookie(*visit.held, same ? news.tag : kSeveralTag);
}

bool LearnedAffinity::is_of(const Visit& visit, std::string_view value) {
  for (std::size_t secret = 0; secret < hash_.secrets(); ++secret) {
    if (hash_.key(secret, value) == visit.key) return true;
  }
  return false;
}

}  // namespace bonedry::session
