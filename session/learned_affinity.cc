#include "session/learned_affinity.h"

namespace bonedry::session {

LearnedAffinity::LearnedAffinity(const balancer::PoolView& pool,
                                 std::span<const std::string> secrets, Ledger& ledger,
                                 const Clock& clock)
    : Affinity(pool, ledger, clock, pool.config.session.cookie), hash_(secrets, pool.config.name) {}

Affinity::Found LearnedAffinity::look_up(std::string_view value, SessionBinding& binding,
                                         CookieLookup& lookup, Instant now) {
  if (value.empty() || !lookup.budget.take()) return Found::no;
  for (std::size_t secret = 0; secret < hash_.secrets(); ++secret) {
    const SessionKey key = hash_.key(secret, value);
    if (!binding.candidate_key) binding.candidate_key = key;
    const auto opened = ledger_.open_verified(key, now);
    if (!opened || take(*opened, binding, now) == Found::no) continue;
    binding.key = key;
    using OpenedAs = OpenedSession::Found;
    if (opened->found == OpenedAs::by_other_value)
      binding.matched_by = SessionBinding::MatchedBy::alias;
    if (opened->found == OpenedAs::first_since_renewal) {
      ledger_.confirm_renewal(opened->ref, pool_.config.session.renewal_grace, now);
    }
    return Found::yes;
  }
  if (lookup.inquiry != nullptr && lookup.inquiry->is_open()) ask_for(value, *lookup.inquiry);
  return Found::no;
}

/// A value does not name its node, so whatever the answer is: what the ledger does not have after
/// it belongs to a new user.
void LearnedAffinity::ask_for(std::string_view value, SessionInquiry& inquiry) {
  for (std::size_t secret = 0; secret < hash_.secrets(); ++secret) {
    inquiry.add({hash_.key(secret, value), 0, std::nullopt, std::nullopt});
  }
}

std::string LearnedAffinity::response_cookie(SessionBinding& binding, std::size_t node,
                                             const ResponseCookies& response) {
  if (!binding.held && !response.sets_cookie() && binding.candidate_key)
    begin(binding, *binding.candidate_key, node);
  for (const SetCookieEffect& effect : response.cookies()) {
    if (effect.change != CookieChange::set) continue;
    // Another request may have begun the session, and set cookies of it at other paths by now.
    const bool begun =
        !binding.held && begin(binding, hash_.key(0, effect.value), node) == DoneBy::this_call;
    if (begun) {
      ledger_.tag_cookie(*binding.held, effect.tag);
    } else {
      record_value(binding, effect, node);
    }
  }
  return {};
}

/// The user has shown that they keep cookies, so a renewed session is live. It keeps its age, so
/// that no login extends max_lifetime. Only the same cookie, by domain and path, replaces the one
/// before; any other is an alias, and both find the user's session.
void LearnedAffinity::record_value(SessionBinding& binding, const SetCookieEffect& effect,
                                   std::size_t node) {
  const Instant now = clock_.now();
  const CookieTag tag = ledger_.cookie_tag(*binding.held);
  const bool same =
      tag == kUnknownTag ? effect.scope == SetCookieEffect::Scope::usual : tag == effect.tag;
  const bool known = is_of(binding, effect.value);
  if (same && !known) {
    const SessionKey key = hash_.key(0, effect.value);
    const MovedSession there = ledger_.renew(*binding.held, key, pool_.nodes[node].slot, now);
    if (there.moved == DoneBy::this_call) binding.key = key;
  } else if (!known) {
    ledger_.alias(*binding.held, hash_.key(0, effect.value), now);
  }
  ledger_.tag_cookie(*binding.held, same ? effect.tag : kSeveralTag);
}

bool LearnedAffinity::is_of(const SessionBinding& binding, std::string_view value) {
  for (std::size_t secret = 0; secret < hash_.secrets(); ++secret) {
    if (hash_.key(secret, value) == binding.key) return true;
  }
  return false;
}

}  // namespace bonedry::session
