#include "session/affinity.h"

#include <algorithm>

namespace bonedry::session {

using balancer::Claim;
using balancer::Verdict;

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

Affinity::Affinity(const balancer::PoolView& pool, std::span<const std::string> secrets,
                   Ledger& ledger, const Clock& clock)
    : pool_(pool),
      ledger_(ledger),
      clock_(clock),
      sealer_(secrets, pool.config.name),
      attributes_(attributes_text(pool.config.session.attributes)),
      clearing_(pool.config.session.cookie + "=" + attributes_ + kInThePast) {
  for (std::size_t index = 0; index < pool.nodes.size(); ++index) {
    slots_.emplace(pool.nodes[index].slot, index);
    for (std::size_t secret = 0; secret < sealer_.secrets(); ++secret) {
      const NodeKey key = sealer_.node_key(secret, pool.nodes[index].node->name());
      nodes_.emplace(key, index);
      if (secret == 0) node_keys_.push_back(key);
    }
  }
}

Visit Affinity::arrive(std::span<const std::string_view> values, Instant now) {
  Visit visit;
  if (!sticky()) return visit;
  for (const std::string_view value : values) {
    if (look_up(value, visit, now) == Found::yes) break;
  }
  return visit;
}

Affinity::Found Affinity::look_up(std::string_view value, Visit& visit, Instant now) {
  const std::optional<CookiePeek> peeked = peek(value);
  if (!peeked) return Found::no;
  const Ledger::Lookup lookup = ledger_.open(peeked->key, peeked->check, now);
  if (!lookup.opened) return verify(value, peeked->check, lookup.miss, visit, now);
  visit.key = peeked->key;
  visit.cookie = CookieStanding::current;
  return take(*lookup.opened, visit, now);
}

Affinity::Found Affinity::verify(std::string_view value, CookieCheck check, Ledger::Miss miss,
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

Affinity::Found Affinity::adopt_or_end(const CookieContent& content, CookieCheck check,
                                       Visit& visit, Instant now) {
  const auto named = nodes_.find(content.node);
  if (named == nodes_.end()) return Found::no;
  visit.node = named->second;
  const Millis age = clock_.wall() - content.issued;
  const bool alive = age < pool_.config.session.max_lifetime;
  // Behind a shut door nobody is taken back in: the node may have been called dry.
  const balancer::NodeView& view = pool_.nodes[visit.node];
  if (!alive || view.door == balancer::Door::shut || !incomplete(view, now)) {
    visit.claim = Claim::ended;
    return Found::yes;
  }
  // The ledger was lost, or had to forget somebody, and this user may have been on it.
  visit.cookie = CookieStanding::current;
  return take(ledger_.begin(content.key, check, view.slot, SessionState::live, now - age, now),
              visit, now);
}

Affinity::Found Affinity::take(const OpenedSession& session, Visit& visit, Instant now) {
  const auto index = index_of(session.node);
  if (!index) {
    ledger_.close(session.ref, now);
    return Found::no;
  }
  visit.node = *index;
  visit.slot = session.node;
  visit.held = session.ref;
  visit.created = session.created;
  visit.claim = session.displaced ? Claim::displaced : Claim::session;
  return Found::yes;
}

std::size_t Affinity::settle(Visit& visit, Verdict verdict, std::size_t chosen, Instant now) {
  if (!sticky() || visit.claim == Claim::none) return chosen;
  const balancer::NodeView& target = pool_.nodes[chosen];
  if (!visit.held) {  // Claim::ended: the user begins anew, under the key that is known already
    const OpenedSession session =
        ledger_.begin(visit.key, 0, target.slot, SessionState::live, now, now);
    if (session.begun == DoneBy::this_call) {
      count(visit, verdict);
      target.node->counters.begun.fetch_add(1, std::memory_order_relaxed);
    }
    visit.cookie = CookieStanding::needed;
    return take(session, visit, now) == Found::yes ? visit.node : chosen;
  }
  if (verdict == Verdict::own_node && visit.claim == Claim::session) return chosen;
  const MovedSession there = ledger_.move(*visit.held, visit.slot, target.slot);
  visit.claim = Claim::session;
  if (verdict != Verdict::own_node) {
    visit.cookie = CookieStanding::needed;
    if (there.moved == DoneBy::this_call) {
      count(visit, verdict);
      target.node->counters.begun.fetch_add(1, std::memory_order_relaxed);
    }
  }
  visit.slot = there.node;
  visit.node = index_of(there.node).value_or(chosen);
  return visit.node;
}

bool Affinity::logs_out(std::string_view method, std::string_view target, int status) const {
  if (status < 200 || status > 399) return false;
  const std::string_view path = target.substr(0, target.find('?'));
  return std::ranges::any_of(pool_.config.session.logout, [method, path](const conf::Logout& rule) {
    return rule.method == method && rule.path == path;
  });
}

void Affinity::note_set_cookie(std::string_view field, Answer& answer) const {
  const std::string& watched = pool_.config.session.logout_cookie;
  if (watched.empty()) return;
  const CookieNews news = read_set_cookie(field, watched, clock_.wall());
  const bool better = answer.cookie.change == CookieChange::none;
  if (news.change == CookieChange::given || better) answer.cookie = news;
}

std::string Affinity::answered(Visit& visit, std::size_t node, const Answer& answer) {
  if (!sticky()) return {};
  const bool leaves =
      answer.user == Presence::left || answer.cookie.change == CookieChange::cleared;
  if (leaves) return end(visit);
  if (visit.claim == Claim::none) begin(visit, node, clock_.now());
  if (!visit.held || visit.cookie != CookieStanding::needed) return {};
  return set_cookie(visit, node);
}

/// The old cookie is then genuine and unknown: Claim::ended. While the ledger is incomplete it
/// cannot be told from that of a user whose record was lost, and would be taken back in as live;
/// that errs on the side of who might still be there.
std::string Affinity::end(Visit& visit) {
  visit.user = Presence::left;
  if (!visit.held) return {};
  ledger_.end(*visit.held);
  visit.cookie = CookieStanding::current;
  pool_.nodes[visit.node].node->counters.logged_out.fetch_add(1, std::memory_order_relaxed);
  return clearing_;
}

void Affinity::begin(Visit& visit, std::size_t node, Instant now) {
  const balancer::NodeView& view = pool_.nodes[node];
  visit.key = random_session_key();
  const OpenedSession session =
      ledger_.begin(visit.key, 0, view.slot, SessionState::pending, now, now);
  visit.cookie = CookieStanding::needed;
  visit.claim = Claim::session;
  visit.node = node;
  visit.slot = session.node;
  visit.held = session.ref;
  visit.created = session.created;
  view.node->counters.begun.fetch_add(1, std::memory_order_relaxed);
}

std::string Affinity::set_cookie(Visit& visit, std::size_t node) {
  const WallTime issued = clock_.wall() - (clock_.now() - visit.created);
  const auto value = sealer_.seal({visit.key, node_keys_[node], issued});
  const std::string_view text(value.data(), value.size());
  if (visit.held) ledger_.reseal(*visit.held, peek(text)->check);
  visit.cookie = CookieStanding::current;
  return pool_.config.session.cookie + "=" + std::string(text) + attributes_;
}

void Affinity::leave(Visit& visit, Instant now) {
  if (visit.held) ledger_.close(*visit.held, now);
  visit.held.reset();
}

bool Affinity::incomplete(const balancer::NodeView& view, Instant now) const {
  if (now < pool_.ledger_complete_at) return true;
  const std::optional<Instant> evicted = ledger_.last_eviction(view.slot);
  return evicted && now < *evicted + complete_after(pool_.config.session);
}

std::optional<std::size_t> Affinity::index_of(NodeSlot slot) const {
  const auto found = slots_.find(slot);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

void Affinity::count(const Visit& visit, Verdict verdict) const {
  balancer::NodeCounters& counters = pool_.nodes[visit.node].node->counters;
  // A session that had ended is late wherever it goes now.
  if (visit.claim == Claim::ended && verdict == Verdict::own_node) verdict = Verdict::late;
  if (verdict == Verdict::late) counters.late.fetch_add(1, std::memory_order_relaxed);
  if (verdict == Verdict::moved) counters.moved.fetch_add(1, std::memory_order_relaxed);
  if (verdict == Verdict::rescued) counters.rescued.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace bonedry::session
