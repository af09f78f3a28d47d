#include "session/affinity.h"

#include "session/learned_affinity.h"
#include "session/sealed_affinity.h"

#include <algorithm>
#include <utility>

namespace bonedry::session {

using balancer::Claim;
using balancer::RouteDecision;

Affinity::Affinity(const balancer::PoolView& pool, Ledger& ledger, const Clock& clock,
                   std::string_view tracked_cookie)
    : pool_(pool), ledger_(ledger), clock_(clock), tracked_cookie_(tracked_cookie) {
  for (std::size_t index = 0; index < pool.nodes.size(); ++index) {
    slots_.emplace(pool.nodes[index].slot, index);
  }
}

namespace {

/// Prefers a session that goes on, then one that the operator has displaced, then one that may go
/// on, then one that has ended; of two alike the newer one.
bool is_better_match(const SessionBinding& one, const SessionBinding& other) {
  const auto rank = [](const SessionBinding& binding) {
    switch (binding.claim) {
      case Claim::session:
        return 4;
      case Claim::displaced:
        return 3;
      case Claim::uncertain:
        return 2;
      case Claim::ended:
        return 1;
      case Claim::pass:  // never that of a cookie
      case Claim::none:
        break;
    }
    return 0;
  };
  if (rank(one) != rank(other)) return rank(one) > rank(other);
  return one.created > other.created;
}

}  // namespace

void Affinity::look_up_cookie(std::string_view value, CookieLookup& lookup, Instant now) {
  if (!sticky()) return;
  if (!lookup.first) lookup.first = value;
  SessionBinding& binding = lookup.binding;
  SessionBinding other;
  other.candidate_key = binding.candidate_key;
  const bool found = look_up(value, other, lookup, now) == Found::yes;
  if (!binding.candidate_key) binding.candidate_key = other.candidate_key;
  if (!found) return;
  if (is_better_match(other, binding)) std::swap(other, binding);
  release(other, now);
}

SessionBinding Affinity::finish_lookup(const CookieLookup& lookup) {
  // A user with a session here is not asked for by the other cookies of the browser, which may be
  // old ones and would be asked for with each request.
  if (lookup.inquiry != nullptr && lookup.binding.held) lookup.inquiry->narrow(lookup.binding.key);
  const bool asks = lookup.inquiry != nullptr && lookup.inquiry->is_open() &&
                    !lookup.inquiry->questions().empty();
  if (lookup.binding.claim == Claim::none && lookup.first && !asks) {
    note_unknown_cookie(*lookup.first);
  }
  return lookup.binding;
}

SessionBinding Affinity::find_session(std::span<const std::string_view> values, Instant now) {
  CookieLookup lookup;
  for (const std::string_view value : values) look_up_cookie(value, lookup, now);
  return finish_lookup(lookup);
}

Affinity::Found Affinity::take(const OpenedSession& session, SessionBinding& binding, Instant now) {
  const auto index = index_of(session.node);
  if (!index) {
    ledger_.close(session.ref, now);
    return Found::no;
  }
  binding.node = *index;
  binding.slot = session.node;
  binding.held = session.ref;
  binding.created = session.created;
  binding.claim = session.displaced ? Claim::displaced : Claim::session;
  return Found::yes;
}

DoneBy Affinity::begin(SessionBinding& binding, const SessionKey& key, std::size_t node) {
  const balancer::NodeView& view = pool_.nodes[node];
  const Instant now = clock_.now();
  const OpenedSession session = ledger_.begin(key, 0, view.slot, SessionState::pending, now, now);
  if (session.begun == DoneBy::this_call) {
    view.node->counters.begun.fetch_add(1, std::memory_order_relaxed);
  }
  binding.key = key;
  take_new(session, binding, node);
  return session.begun;
}

/// A session that another request began stays on its node, even if that node's door is shut in this
/// request's topology, which may be older: this request already has its response.
void Affinity::take_new(const OpenedSession& session, SessionBinding& binding, std::size_t node) {
  binding.held = session.ref;
  binding.created = session.created;
  binding.claim = Claim::session;
  binding.slot = session.node;
  if (session.found == OpenedSession::Found::by_other_value) {
    binding.matched_by = SessionBinding::MatchedBy::alias;
  }
  if (session.displaced || !index_of(session.node)) {
    binding.slot = ledger_.move(session.ref, session.node, pool_.nodes[node].slot).node;
  }
  binding.node = index_of(binding.slot).value_or(node);
}

std::size_t Affinity::bind(SessionBinding& binding, RouteDecision decision, std::size_t chosen,
                           Instant now) {
  if (!sticky() || binding.claim == Claim::none) return chosen;
  const balancer::NodeView& target = pool_.nodes[chosen];
  // Claim::ended: the user begins a new session, under the key that is known already.
  if (!binding.held) {
    const OpenedSession session =
        ledger_.begin(binding.key, 0, target.slot, SessionState::live, now, now);
    if (session.begun == DoneBy::this_call) {
      count(binding, decision);
      target.node->counters.begun.fetch_add(1, std::memory_order_relaxed);
    }
    binding.cookie = CookieUpdate::needed;
    if (take(session, binding, now) == Found::no) return chosen;
    // Another request had begun it: this one follows, unless the session was displaced since.
    if (binding.claim == Claim::session && !is_shut(binding.slot)) return binding.node;
  } else if (decision == RouteDecision::session_node && binding.claim == Claim::session) {
    return chosen;
  }
  MovedSession there = ledger_.move(*binding.held, binding.slot, target.slot);
  // A worker with an older topology put it there; by this topology nobody may enter that node.
  if (is_shut(there.node)) there = ledger_.move(*binding.held, there.node, target.slot);
  binding.claim = Claim::session;
  if (decision != RouteDecision::session_node) {
    binding.cookie = CookieUpdate::needed;
    if (there.moved == DoneBy::this_call) {
      count(binding, decision);
      target.node->counters.begun.fetch_add(1, std::memory_order_relaxed);
    }
  }
  binding.slot = there.node;
  binding.node = index_of(there.node).value_or(chosen);
  return binding.node;
}

bool Affinity::is_logout(std::string_view method, std::string_view target, int status) const {
  const auto& rules = pool_.config.session.logout;
  if (rules.empty() || status < 200 || status > 399) return false;
  const std::string_view path = target.substr(0, target.find('?'));
  return std::ranges::any_of(rules, [method, path](const conf::Logout& rule) {
    return rule.method == method && rule.path == path;
  });
}

void Affinity::note_set_cookie(std::string_view field, const CookieContext& context,
                               ResponseCookies& response) const {
  if (tracked_cookie_.empty()) return;
  const SetCookieEffect effect = read_set_cookie(field, tracked_cookie_, context);
  if (effect.change == CookieChange::none) return;
  if (response.effect_count < response.effects.size()) {
    response.effects[response.effect_count++] = effect;
    return;
  }
  // A browser keeps the last Set-Cookie of a cookie.
  auto place = std::ranges::find(response.effects, effect.tag, &SetCookieEffect::tag);
  // No clearing counts beside a set value, see `clears_cookie`.
  if (place == response.effects.end() && effect.change == CookieChange::set) {
    place = std::ranges::find(response.effects, CookieChange::cleared, &SetCookieEffect::change);
  }
  if (place != response.effects.end()) *place = effect;
}

bool Affinity::clears_cookie(const SessionBinding& binding, const ResponseCookies& response) const {
  if (response.cookies().empty() || response.sets_cookie() || !binding.held) return false;
  const CookieTag tag = ledger_.cookie_tag(*binding.held);
  return std::ranges::any_of(response.cookies(), [tag](const SetCookieEffect& cleared) {
    // A cookie that was never seen being set is assumed to have the scope that nearly all have.
    return tag == kUnknownTag ? cleared.scope == SetCookieEffect::Scope::usual : cleared.tag == tag;
  });
}

std::string Affinity::on_response(SessionBinding& binding, std::size_t node,
                                  const ResponseCookies& response) {
  if (!sticky()) return {};
  const bool leaves = response.user == UserStatus::logged_out || clears_cookie(binding, response);
  std::string cookie = leaves ? end(binding) : response_cookie(binding, node, response);
  const bool secure = response.channel == ResponseCookies::Channel::tls &&
                      pool_.config.session.attributes.secure == conf::Secure::automatic;
  if (secure && !cookie.empty()) cookie += "; Secure";
  return cookie;
}

/// The old cookie is then genuine and unknown: Claim::ended. While the ledger is incomplete, such a
/// cookie looks like that of a user whose record was lost, and would bring the session back as
/// live; that errs towards users who might still be there.
std::string Affinity::end(SessionBinding& binding) {
  binding.user = UserStatus::logged_out;
  if (!binding.held) return {};
  ledger_.end(*binding.held);
  binding.cookie = CookieUpdate::current;
  pool_.nodes[binding.node].node->counters.logged_out.fetch_add(1, std::memory_order_relaxed);
  return logout_cookie();
}

/// A request's value was in use until its exchange ended, even if the exchange took longer than the
/// ledger keeps an unused alias.
void Affinity::release(SessionBinding& binding, Instant now) {
  if (binding.held && binding.matched_by == SessionBinding::MatchedBy::alias) {
    ledger_.alias(*binding.held, binding.key, now);
  }
  if (binding.held) ledger_.close(*binding.held, now);
  binding.held.reset();
}

std::optional<std::size_t> Affinity::index_of(NodeSlot slot) const {
  const auto found = slots_.find(slot);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

bool Affinity::is_shut(NodeSlot slot) const {
  const auto index = index_of(slot);
  return index && pool_.nodes[*index].door == balancer::Door::shut;
}

void Affinity::count(const SessionBinding& binding, RouteDecision decision) const {
  balancer::NodeCounters& counters = pool_.nodes[binding.node].node->counters;
  // A user whose session had ended counts as late even on the same node.
  if (binding.claim == Claim::ended && decision == RouteDecision::session_node)
    decision = RouteDecision::late;
  if (decision == RouteDecision::late) counters.late.fetch_add(1, std::memory_order_relaxed);
  if (decision == RouteDecision::moved) counters.moved.fetch_add(1, std::memory_order_relaxed);
  if (decision == RouteDecision::rescued) counters.rescued.fetch_add(1, std::memory_order_relaxed);
}

std::unique_ptr<Affinity> make_affinity(const balancer::PoolView& pool,
                                        std::span<const std::string> secrets, Ledger& ledger,
                                        const Clock& clock) {
  if (pool.config.session.sticky == conf::Sticky::learn) {
    return std::make_unique<LearnedAffinity>(pool, secrets, ledger, clock);
  }
  return std::make_unique<SealedAffinity>(pool, secrets, ledger, clock);
}

}  // namespace bonedry::session
