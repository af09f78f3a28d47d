// Who belongs to the cluster, and who of them is heard.
#include "admin/cluster/cluster.h"
#include "admin/phrases.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {

namespace {

// By how much the others wait longer than a fence lasts: clocks of machines run a little
// differently, and what a member does at the last moment takes its time.
constexpr Millis kFenceMargin{5'000};

}  // namespace

void Cluster::note_silence() {
  if (is_lost()) return;  // then it is not they who are silent
  for (const auto& [name, member] : others_.all()) {
    if (!memory_.roster.is_present(name) || !others_.is_silent(member, parts_.clock.now()))
      continue;
    if (!silent_.insert(name).second) continue;
    parts_.events.warn("member", "",
                       name + " has not been heard for " + format_duration(config_.silent_after));
  }
}

/// Members that have a fence, and that have run into it for certain: users whom only such a member
/// knew are off the nodes out of rotation. Whoever has not read the board all the time does not
/// know what it has missed.
void Cluster::forget_fenced() {
  const Instant now = parts_.clock.now();
  if (is_lost() || !reads_since_ || stage_ != Stage::member) return;
  for (const std::string& name : memory_.roster.present()) {
    const HeardMember* const member = others_.find(name);
    if (member == nullptr || member->statement.fence == Millis{0}) continue;
    const Millis enough = member->statement.fence + kFenceMargin;
    if (now - member->heard <= enough || now - *reads_since_ <= enough) continue;
    memory_.roster.forget(name, parts_.clock.wall() - (now - member->heard));
    (void)save();
    parts_.events.warn("member", "",
                       name + " has not been heard for " + format_duration(enough) +
                           " and is forgotten ([cluster] forget_after)");
    others_.drop(name);
    silent_.erase(name);
    say_soon();
  }
}

bool Cluster::merge_rosters() {
  const std::vector<std::string> before = memory_.roster.present();
  bool changed = false;
  for (const auto& [name, member] : others_.all()) {
    changed = memory_.roster.merge(member.statement.roster) || changed;
  }
  if (!changed) return false;
  for (const std::string& name : before) {
    if (!memory_.roster.is_present(name)) note_ended(name);
  }
  (void)save();
  return true;
}

/// As another member says, or the one itself that has ended.
void Cluster::note_ended(const std::string& name) {
  silent_.erase(name);
  if (const HeardMember* const member = others_.find(name)) {
    memory_.roster.note_heard(name, parts_.clock.wall() - (parts_.clock.now() - member->heard));
  }
  parts_.events.add("member", "",
                    memory_.roster.has_left(name)
                        ? name + " has left, and another member has its sessions"
                        : name + " has ended, and no other member has its sessions");
}

bool Cluster::has_lost_a_member() const {
  const auto& entries = memory_.roster.entries();
  return std::ranges::any_of(entries, [this](const auto& named) {
    const RosterEntry& entry = named.second;
    if (entry.standing == Standing::present) return false;
    return std::ranges::any_of(pools_, [&](const auto& pool) {
      return std::max(entry.heard, entry.heard_here) + longest_session_(pool.first) >
             parts_.clock.wall();
    });
  });
}

std::vector<std::string> Cluster::unheard() const {
  std::vector<std::string> names;
  for (const std::string& name : memory_.roster.present()) {
    if (name == config_.name) continue;
    const bool heard = !is_lost() && others_.find_audible(name, parts_.clock.now()) != nullptr;
    if (!heard) names.push_back(name);
  }
  return names;
}

DryOutlook Cluster::outlook_elsewhere(const balancer::NodeId& node) const {
  DryOutlook outlook;
  for (const std::string& name : memory_.roster.present()) {
    const Statement* const other = others_.find_audible(name, parts_.clock.now());
    if (name == config_.name || other == nullptr) continue;
    const auto look = other->looks.find(node);
    if (look != other->looks.end()) outlook = later_of(outlook, look->second.outlook);
  }
  return outlook;
}

Result<> Cluster::forget(const std::string& name, const std::string& by) {
  if (name == config_.name) return Failure{"this is " + name + " itself"};
  if (!memory_.roster.is_present(name)) {
    return Failure{"there is no member " + name + "; members: " + joined(memory_.roster.present())};
  }
  if (const std::string why = cannot_change(); !why.empty()) return Failure{why};
  const HeardMember* const member = others_.find(name);
  if (member != nullptr && !others_.is_silent(*member, parts_.clock.now())) {
    return Failure{name + " is heard, so it has not ended"};
  }
  // One that this process has never heard may have been there until a moment ago.
  const Millis ago = member == nullptr ? Millis{0} : parts_.clock.now() - member->heard;
  Roster next = memory_.roster;
  next.forget(name, parts_.clock.wall() - ago);
  std::swap(memory_.roster, next);
  if (!save()) {
    std::swap(memory_.roster, next);
    return Failure{"it cannot be saved: " + unsaved_};
  }
  others_.drop(name);
  silent_.erase(name);
  parts_.events.add("member", "", name + " was forgotten" + who(by, ""), {by, ""});
  say_soon();
  complete_waits();
  return Done{};
}

ClusterStatus Cluster::status() const {
  ClusterStatus status;
  status.name = config_.name;
  status.problem = problem_;
  status.leader = is_lost() ? "" : leader_;
  const bool lost = is_lost();
  status.store.state = lost ? StoreStatus::State::lost : StoreStatus::State::connected;
  status.complete = !lost && !run_.empty() && parts_.whole() == run_;
  const Instant now = parts_.clock.now();
  for (const std::string& name : memory_.roster.present()) {
    MemberStatus member;
    member.name = name;
    if (name == config_.name) {
      member.state = MemberStatus::State::here;
      member.heard_age = Millis{0};
      member.version = BONEDRY_VERSION;
      member.since = since_;
      member.sessions = parts_.nodes.sessions();
    } else if (const HeardMember* const heard = others_.find(name)) {
      const Statement& statement = heard->statement;
      member.state =
          others_.is_silent(*heard, now) ? MemberStatus::State::silent : MemberStatus::State::heard;
      member.heard_age = now - heard->heard;
      member.version = statement.program;
      member.since = statement.since;
      member.sessions = statement.sessions;
      status.complete = status.complete && statement.whole == run_;
      for (const auto& [node, look] : statement.looks) {
        if (!look.blocked.empty())
          member.blocks.push_back(node.text() + ": " + joined(look.blocked));
      }
    } else {
      status.complete = false;
    }
    const auto stranger = strangers_.find(name);
    if (stranger != strangers_.end()) member.problem = stranger->second;
    status.members.push_back(std::move(member));
  }
  if (stage_ == Stage::meeting) {
    status.waiting_for = is_lost() ? "the store of the cluster" : "what the other members say";
    if (!problem_.empty()) status.waiting_for = problem_;
  }
  return status;
}

}  // namespace bonedry::admin::cluster
