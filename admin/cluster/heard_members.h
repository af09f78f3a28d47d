#pragma once

#include "admin/cluster/statement.h"
#include "proxy/base/clock.h"

#include <map>
#include <optional>
#include <string>

namespace bonedry::admin::cluster {

/// The newest statement of a member.
struct HeardMember {
  Statement statement;
  Instant heard;  ///< when it came
};

/// The other members as they were last heard. Time is that of this member: a statement says nothing
/// of when it was made, so the clocks of machines are never compared.
class HeardMembers {
 public:
  using Members = std::map<std::string, HeardMember>;

  /// `silent_after`: a member that has said nothing new for so long cannot be heard.
  explicit HeardMembers(Millis silent_after) : silent_after_(silent_after) {}

  /// Takes a statement that is newer than what is known of its member; false: it is not. A store
  /// that lost its last writes may show old ones again.
  bool note(Statement statement, Instant now);
  void drop(const std::string& name) { members_.erase(name); }

  [[nodiscard]] const Members& all() const { return members_; }
  /// Null: nothing was ever heard of it.
  [[nodiscard]] const HeardMember* find(const std::string& name) const;
  /// Null as well if it is silent.
  [[nodiscard]] const Statement* find_audible(const std::string& name, Instant now) const;
  [[nodiscard]] bool is_silent(const HeardMember& member, Instant now) const {
    return now - member.heard > silent_after_;
  }

 private:
  Millis silent_after_;
  Members members_;
};

}  // namespace bonedry::admin::cluster
