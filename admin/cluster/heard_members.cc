#include "admin/cluster/heard_members.h"

#include <utility>

namespace bonedry::admin::cluster {

bool HeardMembers::note(Statement statement, Instant now) {
  const std::string name = statement.name;
  const auto known = members_.find(name);
  if (known != members_.end()) {
    const Statement& before = known->second.statement;
    if (before.id == statement.id && before.sequence >= statement.sequence) return false;
  }
  members_.insert_or_assign(name, HeardMember{std::move(statement), now});
  return true;
}

const HeardMember* HeardMembers::find(const std::string& name) const {
  const auto found = members_.find(name);
  return found == members_.end() ? nullptr : &found->second;
}

const Statement* HeardMembers::find_audible(const std::string& name, Instant now) const {
  const HeardMember* const member = find(name);
  return member == nullptr || is_silent(*member, now) ? nullptr : &member->statement;
}

}  // namespace bonedry::admin::cluster
