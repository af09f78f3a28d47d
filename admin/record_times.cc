#include "admin/record_times.h"

#include <algorithm>
#include <chrono>

namespace bonedry::admin {

namespace {

/// A wall clock that is slewed moves by less than this at a time; more is a jump.
constexpr Millis kJump = std::chrono::seconds{1};

}  // namespace

void stamp_start(NodeRecord& record, const Clock& clock) {
  record.since = clock.wall();
  record.since_monotonic = clock.now();
  record.warned = Warned::no;
}

void set_deadline(NodeRecord& record, Millis after, const Clock& clock) {
  record.deadline = clock.wall() + after;
  record.deadline_monotonic = clock.now() + after;
  record.deadline_duration = after;
}

/// After a reboot only the wall clock shows how long the machine was off. Even if it was set back,
/// no wait is longer than the operator gave.
void restore_monotonic(NodeRecords& records, const Clock& clock) {
  const WallTime today = clock.wall();
  const Instant now = clock.now();
  for (auto& [id, record] : records) {
    if (!record.since_monotonic)
      record.since_monotonic = now - std::max(today - record.since, Millis{0});
    if (!record.deadline || record.deadline_monotonic) continue;
    const Millis left = std::max(*record.deadline - today, Millis{0});
    record.deadline_monotonic = now + std::min(left, record.deadline_duration.value_or(left));
  }
}

WallClock adjust_dates(NodeRecords& records, const Clock& clock) {
  const WallTime today = clock.wall();
  const Instant now = clock.now();
  WallClock wall_clock = WallClock::unchanged;
  const auto follow = [&](WallTime& date, Instant at) {
    const WallTime right = std::max(today + (at - now), WallTime{0});  // no dates before 1970
    if (std::chrono::abs(right - date) <= kJump) return;
    date = right;
    wall_clock = WallClock::changed;
  };
  for (auto& [id, record] : records) {
    if (record.since_monotonic) follow(record.since, *record.since_monotonic);
    if (record.deadline && record.deadline_monotonic)
      follow(*record.deadline, *record.deadline_monotonic);
  }
  return wall_clock;
}

NodeIds past_deadline(const NodeRecords& records, Instant now) {
  NodeIds due;
  for (const auto& [id, kept] : records) {
    const bool waits = kept.state == balancer::NodeState::bleeding && kept.dry == Dry::no &&
                       kept.displaced == Displaced::no;
    if (waits && kept.deadline_monotonic && *kept.deadline_monotonic <= now) due.push_back(id);
  }
  return due;
}

std::optional<Millis> age_of_long_bleed(const NodeRecord& record, Instant now, Millis limit) {
  const bool bleeds = record.state == balancer::NodeState::bleeding && !record.removed_from;
  if (limit == Millis{0} || !bleeds || !record.since_monotonic) return std::nullopt;
  const Millis age = now - *record.since_monotonic;
  return age > limit ? std::optional(age) : std::nullopt;
}

}  // namespace bonedry::admin
