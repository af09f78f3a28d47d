#pragma once

#include "admin/cluster/roster.h"
#include "admin/cluster/shared_state.h"
#include "admin/cluster/version_vector.h"
#include "admin/dry_forecast.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::admin::cluster {

/// What keeps a node from being dry, as one member sees it.
struct NodeLook {
  VersionVector version;  ///< of the state that all workers of the member route by
  /// As in `dry_blocked_by` of this member alone; empty: quiet.
  std::vector<std::string> blocked = {};
  DryOutlook outlook = {};  ///< by the users of this member alone

  friend bool operator==(const NodeLook&, const NodeLook&) = default;
};

/// What a member has answered to a round.
enum class VoteState : std::uint8_t {
  shutting,   ///< its doors are being shut; no answer yet, and not on the disk
  yes,        ///< it has looked again behind shut doors and found nobody
  confirmed,  ///< it has written down that all have said yes
};

/// A vote holds the doors of a node shut until the round is called off or has ended.
struct Vote {
  std::string round;
  std::string bleed;  ///< of the state that it is for
  VoteState state = VoteState::shutting;

  friend bool operator==(const Vote&, const Vote&) = default;
};
using Votes = std::map<balancer::NodeId, Vote>;

/// A question to all members: is the node dry? Put by the member that leads.
struct Round {
  std::string id;  ///< random
  std::string bleed;
  VersionVector version;  ///< of the node's state
  /// Who must say yes, and in which incarnation: a member that was restarted is asked again.
  std::map<std::string, std::string> voters;

  friend bool operator==(const Round&, const Round&) = default;
};
using Rounds = std::map<balancer::NodeId, Round>;

/// How far a member is with taking the sessions of one that leaves into its own ledger.
struct Takeover {
  enum class State : std::uint8_t { under_way, done, failed };

  std::string token;  ///< what the one that leaves said, see Statement::leaving
  State state = State::under_way;

  friend bool operator==(const Takeover&, const Takeover&) = default;
};
using Takeovers = std::map<std::string, Takeover>;  // by the name of the one that leaves

/// All that a member says to the others: the whole of it each time, so that a statement that is
/// lost does no harm. A value.
struct Statement {
  std::string name;
  std::string id;              ///< of its state directory
  std::string incarnation;     ///< of its process: random
  std::uint64_t sequence = 0;  ///< counts its statements
  std::string program;         ///< version of the program
  WallTime since;              ///< when its process started
  std::uint64_t sessions = 0;  ///< in its ledger
  /// Without contact for so long, it takes its users off nodes out of rotation; 0: never.
  Millis fence{0};
  /// Of each pool: a fingerprint of what must be the same on all members.
  std::map<std::string, std::string> pools;
  /// The run of the store to which it has sent all its sessions; empty: to none yet.
  std::string whole;
  Roster roster;
  SharedStates states;
  /// Nodes out of rotation that are not dry.
  std::map<balancer::NodeId, NodeLook> looks;
  Votes votes;                       ///< without those that have no answer yet
  std::vector<std::string> refused;  ///< rounds that it has said no to
  Rounds rounds;                     ///< that it leads
  std::vector<std::string> off;      ///< rounds of others that it has called off
  /// Nothing: it stays. Empty: it serves nobody any more, and is going to end. Otherwise the store
  /// has all its sessions as well; names its process and the run of the store.
  std::optional<std::string> leaving;
  Takeovers takeovers;
};

/// The statement as text, authenticated with a key made from the first of `secrets`. Not empty.
[[nodiscard]] std::string seal(const Statement& statement, const std::vector<std::string>& secrets);
/// The error says what is wrong, for people: another secret, or another version of the format.
[[nodiscard]] Result<Statement> unseal(std::string_view text,
                                       const std::vector<std::string>& secrets);

}  // namespace bonedry::admin::cluster
