#include "session/affinity.h"

#include "session/learned_affinity.h"
#include "session/sealed_affinity.h"

#include <algorithm>
#include <utility>

namespace bonedry::session {

using balancer::Claim;
using balancer::Verdict;

Affinity::Affinity(const balancer::PoolView& pool, Ledger& ledger, const Clock& clock,
                   std::string_view watched)
    : pool_(pool), ledger_(ledger), clock_(clock), watched_(watched) {
  for (std::size_t index = 0; index < pool.nodes.size(); ++index) {
    slots_.emplace(pool.nodes[index].slot, index);
  }
}

namespace {

/// A session that goes on, before one that the operator has taken off its node, before one that is
/// over; then the newer one.
bool says_more(const Visit& one, const Visit& other) {
  const auto rank = [](const Visit& visit) {
    switch (visit.claim) {
      case Claim::session:
        return 3;
      case Claim::displaced:
        return 2;
      case Claim::ended:
        return 1;
      case Claim::none:
        break;
    }
    return 0;
  };
  if (rank(one) != rank(other)) return rank(one) > rank(other);
  return one.created > other.created;
}

}  // namespace

void Affinity::look_at(std::string_view value, Arrival& arrival, Instant now) {
  if (!sticky()) return;
  if (!arrival.first) arrival.first = value;
  Visit& visit = arrival.visit;
  Visit other;
  other.brought = visit.brought;
  const bool found = look_up(value, other, arrival.budget, now) == Found::yes;
  if (!visit.brought) visit.brought = other.brought;
  if (!found) return;
  if (says_more(other, visit)) std::swap(other, visit);
  leave(other, now);
}

Visit Affinity::arrived(const Arrival& arrival) {
  if (arrival.visit.claim == Claim::none && arrival.first) note_stranger(*arrival.first);
  return arrival.visit;
}

Visit Affinity::arrive(std::span<const std::string_view> values, Instant now) {
  Arrival arrival;
  for (const std::string_view value : values) look_at(value, arrival, now);
  return arrived(arrival);
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

DoneBy Affinity::begin(Visit& visit, const SessionKey& key, std::size_t node) {
  const balancer::NodeView& view = pool_.nodes[node];
  const Instant now = clock_.now();
  const OpenedSession session = ledger_.begin(key, 0, view.slot, SessionState::pending, now, now);
  if (session.begun == DoneBy::this_call) {
    view.node->counters.begun.fetch_add(1, std::memory_order_relaxed);
  }
  visit.key = key;
  take_begun(session, visit, node);
  return session.begun;
}

/// Where another request began it, it stays, be the door shut in this one's topology, which may be
/// older: its answer is here already.
void Affinity::take_begun(const OpenedSession& session, Visit& visit, std::size_t node) {
  visit.held = session.ref;
  visit.created = session.created;
  visit.claim = Claim::session;
  visit.slot = session.node;
  if (session.found == OpenedSession::Found::by_other_value) {
    visit.found_by = Visit::FoundBy::another;
  }
  if (session.displaced || !index_of(session.node)) {
    visit.slot = ledger_.move(session.ref, session.node, pool_.nodes[node].slot).node;
  }
  visit.node = index_of(visit.slot).value_or(node);
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
    if (take(session, visit, now) == Found::no) return chosen;
    // Another request had begun it: the user follows, unless it was taken off that node since.
    if (visit.claim == Claim::session && !is_shut(visit.slot)) return visit.node;
  } else if (verdict == Verdict::own_node && visit.claim == Claim::session) {
    return chosen;
  }
  MovedSession there = ledger_.move(*visit.held, visit.slot, target.slot);
  // Put there by a worker that had not heard of it yet: this one must let nobody in.
  if (is_shut(there.node)) there = ledger_.move(*visit.held, there.node, target.slot);
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
  const auto& rules = pool_.config.session.logout;
  if (rules.empty() || status < 200 || status > 399) return false;
  const std::string_view path = target.substr(0, target.find('?'));
  return std::ranges::any_of(rules, [method, path](const conf::Logout& rule) {
    return rule.method == method && rule.path == path;
  });
}

void Affinity::note_set_cookie(std::string_view field, const CookieContext& context,
                               Answer& answer) const {
  if (watched_.empty()) return;
  const CookieNews news = read_set_cookie(field, watched_, context);
  if (news.change == CookieChange::none) return;
  if (answer.news_count < answer.news.size()) {
    answer.news[answer.news_count++] = news;
    return;
  }
  // Of one cookie a browser keeps the last.
  auto place = std::ranges::find(answer.news, news.tag, &CookieNews::tag);
  // Beside a value no clearing counts, see `clears_cookie`.
  if (place == answer.news.end() && news.change == CookieChange::given) {
    place = std::ranges::find(answer.news, CookieChange::cleared, &CookieNews::change);
  }
  if (place != answer.news.end()) *place = news;
}

bool Affinity::clears_cookie(const Visit& visit, const Answer& answer) const {
  if (answer.cookies().empty() || answer.gives() || !visit.held) return false;
  const CookieTag tag = ledger_.cookie_tag(*visit.held);
  return std::ranges::any_of(answer.cookies(), [tag](const CookieNews& cleared) {
    // One that was never seen being set is taken to be what nearly all are.
    return tag == kUnknownTag ? cleared.scope == CookieNews::Scope::usual : cleared.tag == tag;
  });
}

std::string Affinity::answered(Visit& visit, std::size_t node, const Answer& answer) {
  if (!sticky()) return {};
  const bool leaves = answer.user == Presence::left || clears_cookie(visit, answer);
  return leaves ? end(visit) : welcome(visit, node, answer);
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
  return farewell();
}

/// A value was in use for as long as the request that brought it, even where that took longer than
/// a value lasts that nobody brings.
void Affinity::leave(Visit& visit, Instant now) {
  if (visit.held && visit.found_by == Visit::FoundBy::another) {
    ledger_.alias(*visit.held, visit.key, now);
  }
  if (visit.held) ledger_.close(*visit.held, now);
  visit.held.reset();
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

void Affinity::count(const Visit& visit, Verdict verdict) const {
  balancer::NodeCounters& counters = pool_.nodes[visit.node].node->counters;
  // A session that had ended is late wherever it goes now.
  if (visit.claim == Claim::ended && verdict == Verdict::own_node) verdict = Verdict::late;
  if (verdict == Verdict::late) counters.late.fetch_add(1, std::memory_order_relaxed);
  if (verdict == Verdict::moved) counters.moved.fetch_add(1, std::memory_order_relaxed);
  if (verdict == Verdict::rescued) counters.rescued.fetch_add(1, std::memory_order_relaxed);
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
