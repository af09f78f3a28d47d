#pragma once

#include "admin/cluster/heard_members.h"
#include "admin/cluster/roster.h"
#include "admin/cluster/shared_state.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace bonedry::admin::cluster {

/// Which member may put questions and announce answers.
enum class Leading : std::uint8_t { no, yes };

/// What a member knows when it looks at the cluster. Refers to its owner's values.
struct View {
  Instant now;
  WallTime wall;
  const std::string& name;  ///< of this member
  const std::string& incarnation;
  unsigned members_wanted;  ///< with fewer on the roster nothing becomes dry
  const Roster& roster;
  const HeardMembers& others;
  const SharedStates& states;
  const std::map<std::string, std::string>& pools;  ///< fingerprints, see Statement
  /// The run of the store that all have to have sent their sessions to; empty: the store is lost.
  std::string store_run;
  std::string whole;  ///< the run that this member has sent them to
  /// Who holds the lease, as far as is known; empty: nobody.
  std::string leader;
  Leading leading = Leading::no;  ///< this member holds it, for certain
  /// How long users of a member that has ended may still come to nodes of this pool.
  const std::function<Millis(std::string_view pool)>& longest_session;
};

}  // namespace bonedry::admin::cluster
