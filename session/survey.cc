#include "session/survey.h"

#include <algorithm>

namespace bonedry::session {
namespace {

/// Sessions visited in one step: about two milliseconds.
constexpr std::size_t kBatch = 25'000;

void raise(std::optional<Instant>& highest, Instant at) {
  highest = std::max(highest.value_or(at), at);
}

}  // namespace

void SessionSummary::add(const SessionInfo& info, Instant at) {
  const std::size_t age = TimeScale::step_of(at - info.created);
  if (info.state == SessionState::pending) raise(pending_until, info.ends);
  if (info.ends == kNeverEnds) {
    ++held[age];
    raise(youngest, info.created);
    return;
  }
  raise(last_end, info.ends);
  if (info.state == SessionState::pending) return;
  ++live[age][TimeScale::step_of(at - info.last)];
  raise(youngest, info.created);
}

Survey::Progress Survey::step(const Ledger& ledger) {
  std::size_t shown = 0;
  const auto callback = [this, &shown](NodeSlot slot, const SessionInfo& info) {
    ++shown;
    const auto found = groups_.find(slot);
    if (found == groups_.end()) return;
    for (const std::size_t group : found->second) summaries_[group].add(info, at_);
  };
  while (next_part_ < ledger.parts()) {
    ledger.for_each(next_part_++, callback);
    if (shown >= kBatch) break;
  }
  return next_part_ < ledger.parts() ? Progress::more : Progress::done;
}

}  // namespace bonedry::session
