#pragma once

#include "admin/cluster/statement.h"
#include "admin/cluster/view.h"
#include "admin/cluster_statistics.h"
#include "admin/node_record.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {

/// How all members agree that a node is dry. For each node, the member that leads:
///
///    quiet everywhere --> round open --> all say yes --> agreed --> all confirm --> announced
///                             |  a no, silence, a restart, 15 s    |
///                             \------------> called off <----------/
///
/// and each member:
///
///    nothing --> shutting --> yes --> confirmed --> nothing (announced: the node is dry)
///                    \---------\---------\--------> nothing (called off: the doors open again)
///
/// A member with a vote holds its doors of the node shut: requests for it wait. From yes on, the
/// vote is on the disk before it is said, and only being called off, or the end of the bleed, ends
/// it: never a time-out, the loss of the store or a restart. A member says no by refusing the
/// round. Since silence is no, and each yes names the round and the process that gave it, whatever
/// is lost or late can only delay. Announcing waits for all to confirm on their disks: a member
/// whose yes was called off can never confirm. An agreed round of a member that led before is
/// called off only when that member has been heard to have given it up; until then, the doors stay
/// held. So no two members decide differently.
///
/// Owned by Cluster, main thread.
class DrynessRounds {
 public:
  struct Parts {
    /// What keeps a node from being dry on this member alone, at the time of the call.
    std::function<std::vector<std::string>(const balancer::NodeId&)> blocked_by;
    std::function<std::string()> random;  ///< names of rounds, of which none comes twice
  };
  explicit DrynessRounds(Parts parts) : parts_(std::move(parts)) {}

  /// The answers that were on the disk when the process started: their nodes' doors must be held
  /// before it serves anybody.
  void restore(Votes votes) { votes_ = std::move(votes); }

  /// What a step has changed; to be carried out in this order.
  struct Changes {
    enum class Own : std::uint8_t { none, votes } own = Own::none;  ///< votes: save them
    NodeIds states;  ///< nodes with another SharedState: save and apply them
    NodeIds hold;    ///< requests for these nodes wait from now on; then call `note_held`
    NodeIds release;
    enum class Said : std::uint8_t { same, other } said = Said::same;  ///< other: say it soon
  };
  /// Goes on with whatever `view` allows. `states`: those that `view` refers to.
  [[nodiscard]] Changes step(const View& view, SharedStates& states);
  /// All workers hold the door of the node. Looks again, and this look counts. Call `step` after.
  void note_held(const balancer::NodeId& node);

  [[nodiscard]] const Votes& votes() const { return votes_; }
  /// Without those that are no answer yet, as they are said and saved.
  [[nodiscard]] Votes answers() const;
  [[nodiscard]] Rounds led() const;
  /// Since the process started. A round counts once, on the member that has ended it; one whose
  /// leader was killed before the members had agreed, on none.
  [[nodiscard]] const DrynessStatistics& statistics() const { return statistics_; }
  [[nodiscard]] const std::set<std::string>& refused() const { return refused_; }
  [[nodiscard]] const std::set<std::string>& called_off() const { return off_; }
  /// Whether a round about the node is under way, as far as this member knows.
  [[nodiscard]] bool is_asked(const balancer::NodeId& node) const {
    return votes_.contains(node) || led_.contains(node);
  }

 private:
  struct Led {
    Round round;
    Instant begun;
  };

  // As a voter.
  void answer(const View& view, const SharedStates& states);
  void keep_vote(const View& view, const balancer::NodeId& node, const SharedState* state);
  void consider(const View& view, const balancer::NodeId& node, const SharedState& state);
  void end_vote(const balancer::NodeId& node);
  void refuse_unknown(const View& view, const SharedStates& states);
  [[nodiscard]] std::optional<Round> open_round(const View& view,
                                                const balancer::NodeId& node) const;
  [[nodiscard]] bool is_off(const View& view, const std::string& round) const;

  // As the leader.
  void lead(const View& view, SharedStates& states);
  [[nodiscard]] bool is_quiet(const View& view, const balancer::NodeId& node) const;
  void begin(const View& view, const balancer::NodeId& node, const SharedState& state);
  void go_on(const View& view, const balancer::NodeId& node, SharedState& state);
  void take_over(const View& view, const balancer::NodeId& node, SharedState& state);
  [[nodiscard]] bool has_given_up(const View& view, const balancer::NodeId& node,
                                  const SharedState& state) const;
  void announce(const View& view, const balancer::NodeId& node, SharedState& state);
  void call_off(const View& view, const balancer::NodeId& node, SharedState& state, RoundEnd why);
  void lose_lease(const SharedStates& states);
  void find_abandoned(const View& view, const SharedStates& states);
  [[nodiscard]] bool all_say(const View& view, const balancer::NodeId& node, const Round& round,
                             VoteState wanted) const;
  /// Why a round can no longer come to an agreement, or be announced; nothing: it can.
  [[nodiscard]] std::optional<RoundEnd> why_hopeless(const View& view, const Led& led,
                                                     const SharedState& state) const;
  [[nodiscard]] std::optional<RoundEnd> why_voter_fails(const View& view, const Round& round,
                                                        const std::string& name,
                                                        const std::string& incarnation) const;

  Parts parts_;
  Votes votes_;
  std::set<std::string> refused_;
  std::map<balancer::NodeId, Led> led_;
  std::set<std::string> off_;
  Changes changes_;
  DrynessStatistics statistics_;
};

}  // namespace bonedry::admin::cluster
