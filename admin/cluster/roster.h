#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {

/// What the roster says of a name.
enum class Standing : std::uint8_t {
  left,       ///< it has ended, and another member has taken its sessions over
  forgotten,  ///< it has ended, as an operator or it has said; users whom only it knew may come
  present,    ///< it is a member, whether or not it is heard
};

struct RosterEntry {
  std::string id;             ///< of the state directory that has the name
  std::uint64_t version = 0;  ///< counts the changes of this entry
  Standing standing = Standing::present;
  WallTime heard;  ///< unless present: when it was last heard, by the clock of whoever ended it
  /// The same as this member has heard it itself, by its own clock; 0: it has not. Not merged.
  WallTime heard_here;

  friend bool operator==(const RosterEntry& one, const RosterEntry& other) {
    return one.id == other.id && one.version == other.version && one.standing == other.standing &&
           one.heard == other.heard;
  }
};

/// Who belongs to the cluster, by name. Every member has it on its disk; they merge what they have,
/// so that only leaving and being forgotten takes a name off.
class Roster {
 public:
  using Entries = std::map<std::string, RosterEntry>;

  Roster() = default;
  explicit Roster(Entries entries) : entries_(std::move(entries)) {}

  /// Whether the name is free for this state directory: unknown, of the same directory, or of a
  /// member that is no longer present.
  [[nodiscard]] bool admits(const std::string& name, const std::string& id) const;
  /// Makes it present. It must be admitted.
  void enter(const std::string& name, const std::string& id);
  /// The process of a present member has ended.
  void forget(const std::string& name, WallTime heard) { end(name, Standing::forgotten, heard); }
  /// A present member ends, and another has its sessions in its own ledger.
  void leave(const std::string& name, WallTime heard) { end(name, Standing::left, heard); }
  /// When this member has last heard one that is no longer present.
  void note_heard(const std::string& name, WallTime heard);
  /// Of two versions of an entry the newer holds; of two of one version the one that blocks more.
  /// True if anything changed.
  bool merge(const Roster& other);

  [[nodiscard]] const Entries& entries() const { return entries_; }
  /// The names of present members, in order.
  [[nodiscard]] std::vector<std::string> present() const;
  [[nodiscard]] bool is_present(const std::string& name) const;
  /// Whether the last that is known of the name is that its member has left, or that it has left or
  /// was forgotten.
  [[nodiscard]] bool has_left(const std::string& name) const;
  [[nodiscard]] bool has_ended(const std::string& name) const;

  friend bool operator==(const Roster&, const Roster&) = default;

 private:
  void end(const std::string& name, Standing standing, WallTime heard);

  Entries entries_;
};

}  // namespace bonedry::admin::cluster
