#include "bench/demo/truth.h"

#include <algorithm>
#include <utility>

namespace bonedry::demo {
namespace {

// Long enough for every query about an interval that has just ended.
constexpr Millis kMemory = std::chrono::seconds{5};

}  // namespace

void Truth::turned_away(Instant sent) {
  arriving_.erase(arriving_.find(sent));
}

bool Truth::may_land(const std::string& node, Instant sent) const {
  const auto closed = closed_since_.find(node);
  return closed == closed_since_.end() || sent <= closed->second;
}

Truth::VisitId Truth::landed(const std::string& node, Instant sent, Instant received) {
  arriving_.erase(arriving_.find(sent));
  if (!may_land(node, sent)) ++intruders_;
  const auto visit = visits_.emplace(next_, Visit{node, received, sent, received, {}}).first;
  note_last(visit->second);
  return next_++;
}

void Truth::clicks(VisitId id, Instant now) {
  const auto visit = visits_.find(id);
  if (visit != visits_.end()) visit->second.clicked = now;
}

void Truth::answered(VisitId id, Instant sent, Instant received) {
  const auto visit = visits_.find(id);
  if (visit == visits_.end()) return;
  visit->second.clicked.reset();
  visit->second.sent = sent;
  visit->second.received = received;
  note_last(visit->second);
}

void Truth::note_last(const Visit& visit) {
  RunsOut& last = last_[visit.node];
  last.earliest = std::max(last.earliest, visit.sent + idle_timeout_);
  last.latest = std::max(last.latest, visit.received + idle_timeout_);
}

TrueCount Truth::count(const std::string& node, Instant from, Instant to) const {
  TrueCount count;
  for (const auto& [id, visit] : visits_) {
    if (visit.node != node) continue;
    if (visit.clicked || visit.received + idle_timeout_ > to) ++count.now;
    // A request in progress keeps the session, if it was sent before the session ran out.
    const bool still_on = visit.sent + idle_timeout_ > visit.clicked.value_or(to);
    const bool gone = !visit.clicked && visit.received + idle_timeout_ + kSlack < from;
    if (gone) continue;
    // Strictly before: within one millisecond the order is not known.
    if (still_on && visit.begun < from) {
      ++count.certain;
    } else {
      ++count.transit;
    }
  }
  count.transit += std::count_if(arriving_.begin(), arriving_.end(),
                                 [&](Instant sent) { return may_land(node, sent); });
  return count;
}

std::optional<Truth::RunsOut> Truth::last_runs_out(const std::string& node) const {
  const auto last = last_.find(node);
  if (last == last_.end()) return std::nullopt;
  return last->second;
}

bool Truth::clicking_on(const std::string& node) const {
  return std::any_of(visits_.begin(), visits_.end(), [&](const auto& entry) {
    return entry.second.node == node && entry.second.clicked;
  });
}

void Truth::forget_old(Instant now) {
  std::erase_if(visits_, [&](const auto& entry) {
    const Visit& visit = entry.second;
    return !visit.clicked && visit.received + idle_timeout_ + kMemory < now;
  });
}

}  // namespace bonedry::demo
