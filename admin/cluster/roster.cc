#include "admin/cluster/roster.h"

#include <tuple>

namespace bonedry::admin::cluster {

bool Roster::admits(const std::string& name, const std::string& id) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return true;
  return found->second.standing != Standing::present || found->second.id == id;
}

void Roster::enter(const std::string& name, const std::string& id) {
  RosterEntry& entry = entries_[name];
  if (entry.standing == Standing::present && entry.id == id) return;
  entry = {id, entry.version + 1, Standing::present, {}, {}};
}

void Roster::end(const std::string& name, Standing standing, WallTime heard) {
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.standing != Standing::present) return;
  found->second.standing = standing;
  found->second.heard = heard;
  ++found->second.version;
}

bool Roster::merge(const Roster& other) {
  bool changed = false;
  for (const auto& [name, theirs] : other.entries_) {
    const auto [mine, added] = entries_.try_emplace(name, theirs);
    const auto rank = [](const RosterEntry& entry) {
      return std::tuple(entry.version, entry.standing, entry.heard, entry.id);
    };
    if (!added && rank(theirs) <= rank(mine->second)) continue;
    mine->second = theirs;
    mine->second.heard_here = {};
    changed = true;
  }
  return changed;
}

void Roster::note_heard(const std::string& name, WallTime heard) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) found->second.heard_here = heard;
}

std::vector<std::string> Roster::present() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    if (entry.standing == Standing::present) names.push_back(name);
  }
  return names;
}

bool Roster::is_present(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.standing == Standing::present;
}

bool Roster::has_left(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.standing == Standing::left;
}

bool Roster::has_ended(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.standing != Standing::present;
}

}  // namespace bonedry::admin::cluster
