// How a member that ends leaves the cluster, so that the others need not wait for it: another one
// takes its sessions over, and then it takes its name off the roster.
#include "admin/cluster/cluster.h"
#include "admin/phrases.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {

namespace {

// A million sessions take 17 s of a store's time; the end of a process must not take much longer.
constexpr Millis kLeaveLimit{60'000};
// For a fail-over. With the store away for good, nobody can be told.
constexpr Millis kStoreLimit{10'000};
// That the name is off the roster need not be heard: if nobody does, it blocks until this member
// is back or forgotten.
constexpr Millis kHeardLimit{2'000};

}  // namespace

void Cluster::leave() {
  if (stage_ != Stage::member) {
    stage_ = Stage::ended;
    return;
  }
  parts_.events.add("member", "", "another member is to take over the sessions of this one");
  stage_ = Stage::leaving;
  leaving_since_ = in_touch_ = parts_.clock.now();
  lease_until_ = Instant{};
  say_soon();
}

void Cluster::go_on_leaving() {
  const Instant now = parts_.clock.now();
  if (!is_lost()) in_touch_ = now;
  if (now - in_touch_ > kStoreLimit) {
    stage_ = Stage::ended;
  } else if (stage_ == Stage::leaving && !is_lost()) {
    const bool quiet = rounds_.votes().empty() && all_route(versions());
    if (is_taken_over() && quiet) {
      leave_as(Standing::left);
    } else if (now - leaving_since_ > kLeaveLimit || !has_successor()) {
      leave_without_successor();
    }
  } else if (stage_ == Stage::left) {
    const bool late = now - leaving_since_ > kHeardLimit;
    if (late || is_heard_to_have_left()) stage_ = Stage::ended;
  }
}

/// A vote of this member must stay on the roster: whether its node is dry is still open.
void Cluster::leave_without_successor() {
  if (rounds_.votes().empty()) {
    leave_as(Standing::forgotten);
  } else {
    stage_ = Stage::ended;
  }
}

/// Off the roster. Where nobody has its sessions, its name blocks until they would have ended.
void Cluster::leave_as(Standing standing) {
  const WallTime now = parts_.clock.wall();
  const bool handed_over = standing == Standing::left;
  handed_over ? memory_.roster.leave(config_.name, now) : memory_.roster.forget(config_.name, now);
  if (!save()) {
    stage_ = Stage::ended;
    return;
  }
  parts_.events.add("member", "",
                    handed_over ? "another member has the sessions of this one, which leaves"
                                : "no other member has the sessions of this one, which ends");
  stage_ = Stage::left;
  leaving_since_ = parts_.clock.now();
  say_soon();
}

/// Whether another member that stays has the sessions of this one.
bool Cluster::is_taken_over() const {
  const std::string token = parts_.everything_sent();
  if (token.empty()) return false;
  return std::ranges::any_of(memory_.roster.present(), [&](const std::string& name) {
    const Statement* const other = others_.find_audible(name, parts_.clock.now());
    // One that leaves may have handed its own over before it had these.
    if (other == nullptr || other->leaving) return false;
    const auto found = other->takeovers.find(config_.name);
    return found != other->takeovers.end() &&
           found->second == Takeover{token, Takeover::State::done};
  });
}

/// Whether another member can be heard that stays and has not failed to take this one over.
bool Cluster::has_successor() const {
  return std::ranges::any_of(memory_.roster.present(), [this](const std::string& name) {
    const Statement* const other = others_.find_audible(name, parts_.clock.now());
    if (name == config_.name || other == nullptr || other->leaving) return false;
    const auto found = other->takeovers.find(config_.name);
    return found == other->takeovers.end() || found->second.state != Takeover::State::failed;
  });
}

/// The board says that this member is not present, and another one has taken that over, if one is
/// there.
bool Cluster::is_heard_to_have_left() const {
  if (said_ == Said::no || left_said_ == LeftSaid::no) return false;
  bool anybody = false;
  for (const std::string& name : memory_.roster.present()) {
    const Statement* const other = others_.find_audible(name, parts_.clock.now());
    if (other == nullptr) continue;
    if (!other->roster.is_present(config_.name)) return true;
    anybody = true;
  }
  return !anybody;
}

}  // namespace bonedry::admin::cluster
