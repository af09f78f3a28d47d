#pragma once

#include "admin/cluster/board.h"
#include "admin/cluster/cluster_file.h"
#include "admin/cluster/dryness_rounds.h"
#include "admin/cluster/heard_members.h"
#include "admin/cluster/local_nodes.h"
#include "admin/cluster/statement.h"
#include "admin/cluster/takeover_keeper.h"
#include "admin/cluster/view.h"
#include "admin/cluster_status.h"
#include "admin/event_log.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bonedry::admin::cluster {

/// This proxy as a member of a cluster: says to the others what it knows and decides, takes over
/// what they decide, and agrees with them on which nodes are dry. It decides about nothing else:
/// states are changed by ControlPlane, and sessions are another's (SessionSync).
///
/// Owned by Application, main thread. Call `tick` ten times a second.
class Cluster {
 public:
  struct Parts {
    const Clock& clock;
    EventLog& events;
    MemoryStore& file;
    Board& board;
    LocalNodes& nodes;
    std::vector<std::string> secrets;
    /// The run of the board to which this member has sent all its sessions; empty: to none.
    std::function<std::string()> whole;
    /// See SessionSync::everything_sent.
    std::function<std::string()> everything_sent;
    TakeoverKeeper::Run take_over;        ///< the sessions of a member that leaves
    std::function<std::string()> random;  ///< a name that never comes twice
    /// This member was in contact with the others at that time.
    std::function<void(Instant)> in_contact = [](Instant /*at*/) {};
  };
  /// `memory`: what the file had.
  Cluster(Parts parts, conf::Cluster config, Memory memory);

  /// To be called before this member serves anybody: counts the start, and holds the doors for
  /// which a vote stands. `records` are those that the member starts with. An error is for the
  /// operator.
  enum class Begin : std::uint8_t {
    meeting,    ///< it serves nobody before it knows what the others have decided meanwhile
    as_member,  ///< it goes on for a process of this member that serves until this one does
  };
  [[nodiscard]] Result<> start(Begin begin);
  /// Whether this member has met the others, or an operator has let it start alone.
  [[nodiscard]] bool may_serve() const { return stage_ != Stage::meeting; }
  /// An operator lets it serve without having met the others.
  [[nodiscard]] Result<> start_alone(const std::string& by);
  void tick();
  /// This member serves nobody any more, and its process is going to end. The others need not wait
  /// for it once another member has its sessions.
  void leave();
  /// After `leave`: there is nothing more to wait for. After 65 s at most.
  [[nodiscard]] bool may_end() const { return stage_ == Stage::ended; }
  /// How long until the node is dry, by what the others that can be heard have said.
  [[nodiscard]] DryOutlook outlook_elsewhere(const balancer::NodeId& node) const;
  /// Whether a member has ended whose users may still be counted, though they have left.
  [[nodiscard]] bool has_lost_a_member() const;

  [[nodiscard]] ClusterStatus status() const;
  [[nodiscard]] const DrynessStatistics& dryness() const { return rounds_.statistics(); }
  /// An operator's word that the process of this member has ended. The error is for people.
  [[nodiscard]] Result<> forget(const std::string& name, const std::string& by);

  using Versions = std::map<balancer::NodeId, VersionVector>;
  /// Of all states that this member knows; to be asked when a topology is published.
  [[nodiscard]] Versions versions() const;
  /// All workers of this member route by `versions`. Calls `then`, also from inside, when those of
  /// all members that can be heard do.
  void note_routed(Versions versions, std::function<void()> then);

  // -- As in Peers
  [[nodiscard]] std::string cannot_change() const;
  void note_change(const NodeIds& nodes, const NodeRecords& records);
  [[nodiscard]] bool leads() const;
  [[nodiscard]] std::vector<std::string> blocked_by(const balancer::NodeId& node) const;
  [[nodiscard]] std::vector<std::string> unheard() const;
  /// Names this time out of rotation, the same on all members; empty: the node is active.
  [[nodiscard]] std::string bleed_of(const balancer::NodeId& node) const;
  /// The names on the roster, in order.
  [[nodiscard]] std::vector<std::string> members() const { return memory_.roster.present(); }

 private:
  enum class Stage : std::uint8_t {
    meeting,  ///< it has not yet met the others, and serves nobody
    alone,    ///< it was let start without
    member,
    leaving,  ///< it serves nobody any more, and another member is to take its sessions over
    left,     ///< it is off the roster, which the others are told
    ended,    ///< the process may end
  };

  void exchange();
  [[nodiscard]] Statement make_statement();
  void read(const Result<Board::Reading>& reading, Instant asked);
  void note_statements(const Board::Reading& reading);
  void recover();
  void note_own(const Statement& statement);
  void note_stranger(const std::string& name, const std::string& problem);
  void note_silence();
  void forget_fenced();
  [[nodiscard]] bool merge_rosters();
  void note_ended(const std::string& name);
  void merge_states();
  void belong();
  void go_on();
  void apply_round_changes(const DrynessRounds::Changes& changes);
  void retract_contradicted();
  void complete_waits();
  void go_on_leaving();
  void leave_without_successor();
  void leave_as(Standing standing);
  [[nodiscard]] bool is_taken_over() const;
  [[nodiscard]] bool has_successor() const;
  [[nodiscard]] bool is_heard_to_have_left() const;
  /// Whether the others wait for what this member says.
  [[nodiscard]] bool takes_part() const {
    return stage_ == Stage::member || stage_ == Stage::leaving || stage_ == Stage::left;
  }
  [[nodiscard]] bool all_route(const Versions& versions) const;
  [[nodiscard]] bool is_lost() const;
  [[nodiscard]] View view() const;
  void apply(const LocalNodes::Decisions& decisions);
  bool save();
  void say_soon() { said_ = Said::no; }

  // Many: this class connects the parts.
  Parts parts_;
  conf::Cluster config_;
  std::string incarnation_;
  WallTime since_;
  Memory memory_;
  Votes saved_votes_;
  HeardMembers others_;
  DrynessRounds rounds_;
  Stage stage_ = Stage::meeting;
  std::uint64_t sequence_ = 0;
  enum class Said : std::uint8_t { no, yes } said_ = Said::no;  // no: there is news to say
  enum class Exchanging : std::uint8_t { no, yes } exchanging_ = Exchanging::no;
  Instant exchanged_;                 // when the last exchange began
  Instant said_at_;                   // when something was last said
  std::optional<Instant> read_;       // when the board was last read
  std::optional<Instant> met_since_;  // since when it is read before this member serves
  std::string run_;                   // of the board
  std::map<std::string, std::string> read_texts_;  // by name: what was on the board last
  std::string leader_;
  Instant lease_until_;
  std::optional<Instant> reads_since_;  // without a gap; nothing: the board is lost
  Versions routed_;                     // by all workers of this member
  struct Wait {
    Versions versions;
    std::function<void()> then;
  };
  std::list<Wait> waits_;
  std::map<std::string, std::string> strangers_;  // whose statements cannot be read, and why
  std::set<std::string> silent_;
  enum class Records : std::uint8_t { saved, unsaved } records_ = Records::saved;
  std::string unsaved_;  // why the disk has not all of `memory_`; empty: it has
  std::string problem_;  // why this member cannot join; empty: it can
  TakeoverKeeper takeovers_;
  Instant leaving_since_;  // or since it has left
  Instant in_touch_;       // with the store, while it leaves
  enum class LeftSaid : std::uint8_t { no, yes } left_said_ = LeftSaid::no;  // on the board
  std::map<std::string, std::string> pools_;
  std::function<Millis(std::string_view)> longest_session_;
};

}  // namespace bonedry::admin::cluster
