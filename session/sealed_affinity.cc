#include "session/sealed_affinity.h"

#include <algorithm>

namespace bonedry::session {

using balancer::Claim;

namespace {

std::string attributes_text(const conf::CookieAttributes& attributes) {
  std::string text;
  if (!attributes.path.empty()) text += "; Path=" + attributes.path;
  if (!attributes.domain.empty()) text += "; Domain=" + attributes.domain;
  if (attributes.http_only) text += "; HttpOnly";
  switch (attributes.same_site) {
    case conf::SameSite::lax:
      text += "; SameSite=Lax";
      break;
    case conf::SameSite::strict:
      text += "; SameSite=Strict";
      break;
    case conf::SameSite::none:
      text += "; SameSite=None";
      break;
  }
  // No listener speaks TLS yet, so `automatic` means a plain one.
  if (attributes.secure == conf::Secure::always) text += "; Secure";
  return text;
}

// RFC 6265, 4.1.2: Max-Age for all browsers, Expires for those that do not know it.
constexpr const char* kInThePast = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

}  // namespace

SealedAffinity::SealedAffinity(const balancer::PoolView& pool, std::span<const std::string> secrets,
                               Ledger& ledger, const Clock& clock)
    : Affinity(pool, ledger, clock, pool.config.session.logout_cookie),
      sealer_(secrets, pool.config.name),
      attributes_(attributes_text(pool.config.session.attributes)),
      clearing_(pool.config.session.cookie + "=" + attributes_ + kInThePast) {
  for (std::size_t index = 0; index < pool.nodes.size(); ++index) {
    for (std::size_t secret = 0; secret < sealer_.secrets(); ++secret) {
      const NodeKey key = sealer_.node_key(secret, pool.nodes[index].node->name());
      nodes_.emplace(key, index);
      if (secret == 0) node_keys_.push_back(key);
    }
  }
}

Affinity::Found SealedAffinity::look_up(std::string_view value, Visit& visit, ProofBudget& budget,
                                        Instant now) {
  const std::optional<CookiePeek> peeked = peek(value);
  if (!peeked) return Found::no;
  const Ledger::Lookup lookup = ledger_.open(peeked->key, peeked->check, now);
  if (!lookup.opened) {
    if (!budget.spend()) return Found::no;
    return verify(value, peeked->check, lookup.miss, visit, now);
  }
  visit.key = peeked->key;
  visit.cookie = CookieStanding::current;
  return take(*lookup.opened, visit, now);
}

Affinity::Found SealedAffinity::verify(std::string_view value, CookieCheck check, Ledger::Miss miss,
                                       Visit& visit, Instant now) {
  const std::optional<CookieContent> content = sealer_.open(value);
  if (!content) return Found::no;
  visit.key = content->key;
  if (miss == Ledger::Miss::mismatch) {
    if (const auto opened = ledger_.open_verified(content->key, now)) {
      if (take(*opened, visit, now) == Found::no) return Found::no;
      // An older cookie of the session: good for finding it, and replaced if it names another node.
      const auto named = nodes_.find(content->node);
      const bool same = named != nodes_.end() && named->second == visit.node;
      visit.cookie = same ? CookieStanding::current : CookieStanding::needed;
      if (same) ledger_.reseal(*visit.held, check);
      return Found::yes;
    }
  }
  return adopt_or_end(*content, check, visit, now);
}

void SealedAffinity::note_stranger(std::string_view value) {
  // Each costs about a microsecond, which whoever invents cookies can have for every request.
  constexpr std::size_t kMostAsked = 16;
  const std::size_t asked = std::min(pool_.siblings.size(), kMostAsked);
  for (std::size_t at = 0; at < asked; ++at) {
    if (!sealer_.is_of(value, pool_.siblings[at])) continue;
    pool_.counters->foreign_cookies.fetch_add(1, std::memory_order_relaxed);
    return;
  }
}

Affinity::Found SealedAffinity::adopt_or_end(const CookieContent& content, CookieCheck check,
                                             Visit& visit, Instant now) {
  const auto named = nodes_.find(content.node);
  if (named == nodes_.end()) return Found::no;
  visit.node = named->second;
  // The calendar may have been set back since; nobody lives longer for that.
  const Millis age = std::max(clock_.wall() - content.issued, Millis{0});
  const Instant judged = ledger_.judged(now);
  const bool alive = age - (now - judged) < pool_.config.session.max_lifetime;
  // Behind a shut door nobody is taken back in: the node may have been called dry. Nor is anybody
  // whom a worker that still holds it shut would move.
  const balancer::NodeView& view = pool_.nodes[visit.node];
  const bool closed = view.door == balancer::Door::shut || view.door == balancer::Door::opening;
  if (!alive || closed || !incomplete(view, judged)) {
    visit.claim = Claim::ended;
    visit.created = now - age;
    return Found::yes;
  }
  // The ledger was lost, or had to forget somebody, and this user may have been on it.
  visit.cookie = CookieStanding::current;
  return take(ledger_.begin(content.key, check, view.slot, SessionState::live, now - age, now),
              visit, now);
}

std::string SealedAffinity::welcome(Visit& visit, std::size_t node, const Answer& answer) {
  if (visit.claim == Claim::none) {
    begin(visit, random_session_key(), node);
    visit.cookie = CookieStanding::needed;
  }
  if (visit.held && answer.gives()) note_given(visit, answer);
  if (!visit.held || visit.cookie != CookieStanding::needed) return {};
  return set_cookie(visit, node);
}

void SealedAffinity::note_given(const Visit& visit, const Answer& answer) {
  CookieTag tag = ledger_.cookie_tag(*visit.held);
  for (const CookieNews& news : answer.cookies()) {
    if (news.change != CookieChange::given || news.tag == tag) continue;
    const bool first = tag == kUnknownTag && (answer.brought == Answer::Brought::no ||
                                              news.scope == CookieNews::Scope::usual);
    tag = first ? news.tag : kSeveralTag;
  }
  ledger_.tag_cookie(*visit.held, tag);
}

std::string SealedAffinity::set_cookie(Visit& visit, std::size_t node) {
  const WallTime issued = clock_.wall() - (clock_.now() - visit.created);
  const auto value = sealer_.seal({visit.key, node_keys_[node], issued});
  const std::string_view text(value.data(), value.size());
  if (visit.held) ledger_.reseal(*visit.held, peek(text)->check);
  visit.cookie = CookieStanding::current;
  return pool_.config.session.cookie + "=" + std::string(text) + attributes_;
}

bool SealedAffinity::incomplete(const balancer::NodeView& view, Instant judged) const {
  if (judged < pool_.ledger_complete_at) return true;
  const std::optional<Instant> evicted = ledger_.last_eviction(view.slot);
  return evicted && judged < *evicted + complete_after(pool_.config.session);
}

}  // namespace bonedry::session
