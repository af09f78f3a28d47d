// Times of records: counted by the monotonic clock, written down by the calendar as well.

#include "admin/control_plane.h"

#include <algorithm>
#include <chrono>

namespace bonedry::admin {

namespace {

/// A calendar that is slewed goes on by less than this at a time; more is a jump.
constexpr Millis kJump = std::chrono::seconds{1};

}  // namespace

void ControlPlane::begin_now(NodeRecord& record) const {
  record.since = parts_.clock.wall();
  record.since_at = parts_.clock.now();
}

void ControlPlane::set_deadline(NodeRecord& record, Millis after) const {
  record.deadline = parts_.clock.wall() + after;
  record.deadline_at = parts_.clock.now() + after;
  record.deadline_after = after;
}

/// After a reboot only the calendar tells how long the machine was off. Should it have been set
/// back, nobody waits for longer than the operator said.
void ControlPlane::anchor(NodeRecords& records) const {
  const WallTime today = parts_.clock.wall();
  const Instant now = parts_.clock.now();
  for (auto& [id, record] : records) {
    if (!record.since_at) record.since_at = now - std::max(today - record.since, Millis{0});
    if (!record.deadline || record.deadline_at) continue;
    const Millis left = std::max(*record.deadline - today, Millis{0});
    record.deadline_at = now + std::min(left, record.deadline_after.value_or(left));
  }
}

/// When the calendar was set, the dates of what is under way follow: those who read them, and a
/// start after a reboot, then see how long it has been and how long it will be.
void ControlPlane::follow_calendar() {
  const WallTime today = parts_.clock.wall();
  const Instant now = parts_.clock.now();
  bool moved = false;
  const auto follow = [&](WallTime& date, Instant at) {
    const WallTime right = std::max(today + (at - now), WallTime{0});  // there is none before
    if (std::chrono::abs(right - date) <= kJump) return;
    date = right;
    moved = true;
  };
  for (auto& [id, record] : records_) {
    if (record.since_at) follow(record.since, *record.since_at);
    if (record.deadline && record.deadline_at) follow(*record.deadline, *record.deadline_at);
  }
  if (!moved) return;
  const Outcome saved = parts_.store.save(records_);  // else with what is written down next
  if (!saved) parts_.events.add("error", "", saved.error());
}

void ControlPlane::pass_deadlines() {
  const Instant now = parts_.clock.now();
  Nodes due;
  for (const auto& [id, kept] : records_) {
    if (kept.state == balancer::NodeState::bleeding && kept.dry == Dry::no && kept.deadline_at &&
        *kept.deadline_at <= now && kept.displaced == Displaced::no && nodes_.contains(id)) {
      due.push_back(id);
    }
  }
  for (const balancer::NodeId& id : due) {
    const Outcome done = commit(
        {id}, [&id](NodeRecords& records) { records[id].displaced = Displaced::yes; },
        [this, id] {
          parts_.events.add("deadline", id, "the deadline has passed");
          displace(id, "deadline");
        });
    if (!done) {
      retry_save_at_ = parts_.clock.now() + kRetrySave;
      parts_.events.add("error", id, "the deadline cannot be kept: " + done.error());
      return;
    }
  }
}

}  // namespace bonedry::admin
