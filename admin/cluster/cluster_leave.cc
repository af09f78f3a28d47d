// How a member that ends leaves the cluster, so that the others need not wait for it: another one
// takes its sessions over, and then it takes its name off the roster.
#include "admin/cluster/cluster.h"
#include "admin/phrases.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {

namespace {

// A member that nobody begins to take over in that time ends without.
constexpr Millis kBeginLimit{5'000};
// For a million sessions; the end of a process must not take much longer.
constexpr Millis kLeaveLimit{30'000};
// That the name is off the roster need not be heard: if nobody does, it blocks until this member
// is back or forgotten.
constexpr Millis kHeardLimit{2'000};

}  // namespace

void Cluster::leave() {
  if (stage_ != Stage::member) {
    stage_ = Stage::ended;
    return;
  }
  stage_ = Stage::leaving;
  leaving_since_ = parts_.clock.now();
  lease_until_ = Instant{};
  say_soon();
}

void Cluster::go_on_leaving() {
  const Instant now = parts_.clock.now();
  if (is_lost()) {
    stage_ = Stage::ended;  // nobody can be told
  } else if (stage_ == Stage::leaving) {
    const bool quiet = rounds_.votes().empty() && all_route(versions());
    const Millis passed = now - leaving_since_;
    using State = Takeover::State;
    const auto state = takeover_of_this();
    if (state == State::done && quiet) {
      leave_as(Standing::left);
    } else if (passed > (state ? kLeaveLimit : kBeginLimit) || !has_successor()) {
      leave_without_successor();
    }
  } else if (is_heard_to_have_left() || now - leaving_since_ > kHeardLimit) {
    stage_ = Stage::ended;
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

/// How far the others are with taking this member over; nothing: none has begun.
std::optional<Takeover::State> Cluster::takeover_of_this() const {
  std::optional<Takeover::State> best;
  const std::string token = parts_.everything_sent();
  if (token.empty()) return std::nullopt;
  for (const auto& [name, member] : others_.all()) {
    if (!memory_.roster.is_present(name)) continue;
    const Statement* const other = others_.find_audible(name, parts_.clock.now());
    if (other == nullptr) continue;
    const auto found = other->takeovers.find(config_.name);
    if (found == other->takeovers.end() || found->second.token != token) continue;
    if (found->second.state == Takeover::State::done) return Takeover::State::done;
    if (found->second.state == Takeover::State::under_way) best = Takeover::State::under_way;
  }
  return best;
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
