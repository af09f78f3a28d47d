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
  // `automatic` depends on the listener: see Affinity::on_response.
  if (attributes.secure == conf::Secure::always) text += "; Secure";
  return text;
}

// RFC 6265, 4.1.2: Max-Age for all browsers, Expires for those that do not know Max-Age.
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
  for (std::size_t index = 0; index < pool.nodes.size(); ++index) {
    for (const std::string& name : pool.nodes[index].formerly) {
      for (std::size_t secret = 0; secret < sealer_.secrets(); ++secret) {
        nodes_.emplace(sealer_.node_key(secret, name), index);  // a node of this name goes first
      }
    }
  }
}

Affinity::Found SealedAffinity::look_up(std::string_view value, SessionBinding& binding,
                                        CookieLookup& lookup, Instant now) {
  const std::optional<CookiePeek> peeked = peek(value);
  if (!peeked) return Found::no;
  const Ledger::Lookup known = ledger_.open(peeked->key, peeked->fingerprint, now);
  if (!known.opened) {
    if (!lookup.budget.take()) return Found::no;
    const std::optional<CookieContent> content = sealer_.open(value);
    if (!content) return Found::no;
    return find_verified({*content, peeked->fingerprint}, known.miss, binding, lookup.inquiry, now);
  }
  binding.key = peeked->key;
  binding.cookie = CookieUpdate::current;
  return take(*known.opened, binding, now);
}

Affinity::Found SealedAffinity::find_verified(const Verified& cookie, Ledger::Miss miss,
                                              SessionBinding& binding, SessionInquiry* inquiry,
                                              Instant now) {
  binding.key = cookie.content.key;
  if (miss == Ledger::Miss::mismatch) {
    if (const auto opened = ledger_.open_verified(cookie.content.key, now)) {
      if (take(*opened, binding, now) == Found::no) return Found::no;
      // An older cookie of the session, or one that another member of the cluster has set: it finds
      // the session, and is replaced if it names another node.
      const auto named = nodes_.find(cookie.content.node);
      const bool same = named != nodes_.end() && named->second == binding.node;
      binding.cookie = same ? CookieUpdate::current : CookieUpdate::needed;
      if (same) ledger_.set_cookie_fingerprint(*binding.held, cookie.fingerprint);
      if (!same && named != nodes_.end()) ask_for(cookie, inquiry, now);
      return Found::yes;
    }
  }
  return restore_or_end(cookie, binding, inquiry, now);
}

/// Whether another member of the cluster knows more of this cookie's session: it may have moved it,
/// whatever node the cookie names.
void SealedAffinity::ask_for(const Verified& cookie, SessionInquiry* inquiry, Instant now) {
  if (inquiry == nullptr) return;
  std::optional<NodeSlot> named;
  const auto found = nodes_.find(cookie.content.node);
  if (found != nodes_.end()) named = pool_.nodes[found->second].slot;
  inquiry->add({cookie.content.key, cookie.fingerprint, named, now - age_of(cookie.content)});
}

/// The wall clock may have been set back since; that extends no lifetime.
Millis SealedAffinity::age_of(const CookieContent& content) const {
  return std::max(clock_.wall() - content.issued, Millis{0});
}

void SealedAffinity::note_unknown_cookie(std::string_view value) {
  // Each try costs about a microsecond, and a client can cause tries with every request.
  constexpr std::size_t kMaxPoolsTried = 16;
  const std::size_t asked = std::min(pool_.siblings.size(), kMaxPoolsTried);
  for (std::size_t at = 0; at < asked; ++at) {
    if (!sealer_.is_of(value, pool_.siblings[at])) continue;
    pool_.counters->foreign_cookies.fetch_add(1, std::memory_order_relaxed);
    return;
  }
}

Affinity::Found SealedAffinity::restore_or_end(const Verified& cookie, SessionBinding& binding,
                                               SessionInquiry* inquiry, Instant now) {
  const Millis age = age_of(cookie.content);
  const Instant expiry_now = ledger_.expiry_now(now);
  const bool alive = age - (now - expiry_now) < pool_.config.session.max_lifetime;
  if (alive) ask_for(cookie, inquiry, now);
  const auto named = nodes_.find(cookie.content.node);
  if (named == nodes_.end()) return Found::no;
  binding.node = named->second;
  binding.created = now - age;
  // Behind a shut door no session is restored: the node may have been called dry. Nor behind an
  // opening one: a worker that still has it shut would move the user.
  const balancer::NodeView& view = pool_.nodes[binding.node];
  const bool closed = view.door == balancer::Door::shut || view.door == balancer::Door::opening;
  if (!alive || closed || !may_be_lost(cookie.content.key, view, inquiry, expiry_now)) {
    binding.claim = Claim::ended;
    return Found::yes;
  }
  binding.cookie = CookieUpdate::current;
  if (view.door == balancer::Door::held) {
    binding.claim = Claim::uncertain;  // the members are counting the sessions of this node
    return Found::yes;
  }
  return take(ledger_.begin(cookie.content.key, cookie.fingerprint, view.slot, SessionState::live,
                            binding.created, now),
              binding, now);
}

/// Whether the session of this key may be alive although the ledger does not know it: nobody could
/// say, or the ledger was lost or had to evict sessions, and this one may have been among them.
bool SealedAffinity::may_be_lost(const SessionKey& key, const balancer::NodeView& view,
                                 const SessionInquiry* inquiry, Instant expiry_now) const {
  if (inquiry != nullptr && inquiry->is_open()) return false;  // the answer decides
  const std::optional<Answer> answer = inquiry == nullptr ? std::nullopt : inquiry->answer_to(key);
  if (answer) return *answer != Answer::ended;
  return incomplete(view, expiry_now);
}

std::string SealedAffinity::response_cookie(SessionBinding& binding, std::size_t node,
                                            const ResponseCookies& response) {
  if (binding.claim == Claim::none) {
    begin(binding, random_session_key(), node);
    binding.cookie = CookieUpdate::needed;
  }
  if (binding.held && response.sets_cookie()) note_application_cookie(binding, response);
  if (!binding.held || binding.cookie != CookieUpdate::needed) return {};
  return set_cookie(binding, node);
}

void SealedAffinity::note_application_cookie(const SessionBinding& binding,
                                             const ResponseCookies& response) {
  CookieTag tag = ledger_.cookie_tag(*binding.held);
  for (const SetCookieEffect& effect : response.cookies()) {
    if (effect.change != CookieChange::set || effect.tag == tag) continue;
    const bool first =
        tag == kUnknownTag && (response.had_cookie == ResponseCookies::HadCookie::no ||
                               effect.scope == SetCookieEffect::Scope::usual);
    tag = first ? effect.tag : kSeveralTag;
  }
  ledger_.tag_cookie(*binding.held, tag);
}

std::string SealedAffinity::set_cookie(SessionBinding& binding, std::size_t node) {
  const WallTime issued = clock_.wall() - (clock_.now() - binding.created);
  const auto value = sealer_.seal({binding.key, node_keys_[node], issued});
  const std::string_view text(value.data(), value.size());
  if (binding.held) ledger_.set_cookie_fingerprint(*binding.held, peek(text)->fingerprint);
  binding.cookie = CookieUpdate::current;
  return pool_.config.session.cookie + "=" + std::string(text) + attributes_;
}

bool SealedAffinity::incomplete(const balancer::NodeView& view, Instant expiry_now) const {
  if (expiry_now < pool_.ledger_complete_at) return true;
  const std::optional<Instant> evicted = ledger_.last_eviction(view.slot);
  return evicted && expiry_now < *evicted + longest_session(pool_.config.session);
}

}  // namespace bonedry::session
