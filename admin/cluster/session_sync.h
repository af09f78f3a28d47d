#pragma once

#include "admin/cluster/session_index.h"
#include "admin/cluster/session_questions.h"
#include "admin/cluster/session_sender.h"
#include "admin/cluster/sync_nodes.h"
#include "admin/cluster_statistics.h"
#include "proxy/io/timer_wheel.h"
#include "session/remote_sessions.h"
#include "session/shared_sessions.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {

/// How taking over the sessions of a member that leaves has ended.
struct TakeoverEnd {
  enum class Kind : std::uint8_t {
    done,
    not_now,     ///< it may be tried again
    impossible,  ///< another member may be able to
  };

  Kind kind = Kind::done;
  std::string why = {};  ///< unless done
};

/// The sessions of all members on one node, each counted once.
struct SharedCount {
  std::uint64_t live = 0;
  std::uint64_t pending = 0;
  Instant read;  ///< when the index said so
};

/// Keeps this member's ledger and the index of all members' sessions together: tells the index what
/// happens here, hears what happens elsewhere, counts, and answers what workers ask. The ledger is
/// the truth about the users who came through this member; the index may forget everything at any
/// time, and is then told again.
///
/// Owned by the control plane of the cluster; used on the main thread.
class SessionSync {
 public:
  // Sessions that begin here are known to others that much later, at most. Often: an application's
  // cookie may come back through another member with the next click.
  static constexpr Millis kTick{50};
  static constexpr Millis kCountEvery{1000};
  /// A member not heard for so long may have sessions that the index lacks.
  static constexpr Millis kHeard{3000};
  /// A session that began less than that ago may not be in the index yet, though it is whole: that
  /// is known from up to kHeard ago, when what a member had said was up to kHeard old, and was true
  /// of a second before.
  static constexpr Millis kFresh = 2 * kHeard + Millis{2000};
  /// By so much the clock of the store may differ from what is expected, besides the time that an
  /// answer takes.
  static constexpr Millis kClockSlack{500};

  struct Settings {
    std::string member;       ///< the name of this one
    std::string incarnation;  ///< names this process: random, without spaces
  };
  /// What the rest of the control plane knows. Asked once a second, and when told that it changed.
  struct World {
    std::function<std::vector<SyncNode>()> nodes;
    std::function<std::vector<std::string>()> members;  ///< all names on the roster, with this one
  };

  /// The objects referred to must outlive this one.
  SessionSync(Settings settings, World world, SessionIndex& index,
              session::SharedSessions& sessions, const Clock& clock, io::TimerWheel& timers);
  SessionSync(const SessionSync&) = delete;
  SessionSync& operator=(const SessionSync&) = delete;

  /// The store can be used. `run_id`: of its server; another one may have lost what it had.
  void on_connected(const std::string& run_id);
  void on_lost();
  /// The topology, or which nodes are out of rotation.
  void on_nodes_changed();

  /// Whether the index has the sessions of all members, so that a session that it does not know is
  /// over. Goes by what was read at most kHeard ago.
  [[nodiscard]] bool whole() const;
  /// The run of the store's server to which this member has sent all its sessions; empty: to none.
  [[nodiscard]] std::string complete_run() const {
    return stage_ == Stage::complete ? run_id_ : std::string();
  }
  /// Nothing: it was never read, or the node is not known.
  [[nodiscard]] std::optional<SharedCount> count(session::NodeSlot slot) const;
  /// Answers within SessionQuestions::kTimeout, if ticks come in time. `answered` may be called
  /// from inside this call.
  void ask(const session::SessionQuestion& question, SessionQuestions::Answered answered);
  /// Tells the index what has happened here, without waiting for the next tick.
  void tell();
  /// The sessions of a node have just been taken off it here. `occasion` names the reason, the same
  /// on all members; repeating it does no harm.
  void displaced(session::NodeSlot slot, const std::string& occasion);

  /// What says that the store has all sessions of this member, as long as nobody is served here:
  /// for SessionIndex::take_over by another one. Empty: it has not.
  [[nodiscard]] std::string everything_sent();
  /// Takes the sessions of a member that leaves into this member's ledger. One at a time. Calls
  /// `done` once, also from inside.
  void take_over(const SessionIndex::Leaver& leaver, std::function<void(TakeoverEnd)> done);

  [[nodiscard]] const SyncStatistics& statistics() const { return statistics_; }
  /// How long ago everything was read that other members have done; nothing: never.
  [[nodiscard]] std::optional<Millis> lag() const;

 private:
  enum class Stage : std::uint8_t {
    lost,
    joining,     ///< asking the index whether it knows this process
    sending,     ///< all sessions
    completing,  ///< telling the index that all have been sent
    complete,
  };
  struct Displacement {
    NodeTag tag;
    std::string occasion;
    Instant at;
    enum class Told : std::uint8_t { no, asking, yes } told = Told::no;
  };

  struct TakingOver {
    SessionIndex::Leaver leaver;
    std::uint32_t from = 0;
    enum class Asking : std::uint8_t { now, with_next_tick } asking = Asking::with_next_tick;
    std::function<void(TakeoverEnd)> done;
  };

  void arm();
  void tick();
  void join();
  void on_joined(const Result<SessionIndex::Joined>& joined);
  void complete_if_sent();
  void read_changes();
  void on_changes(Instant asked, const Result<SessionIndex::Changes>& read);
  void apply(Instant asked, const IndexChange& change);
  /// The sessions of a tag are on this node; nothing, and counted, if there is none.
  [[nodiscard]] std::optional<session::NodeSlot> slot_of(NodeTag tag);
  void start_again();
  [[nodiscard]] bool has_clock_jumped(Instant asked, WallTime now);

  void read_all_counts();
  void read_counts(std::vector<NodeTag> tags);
  void on_counts(Instant asked, const std::vector<NodeTag>& tags,
                 const Result<SessionIndex::Counts>& counts);
  void note_whole(Instant asked, const std::vector<SessionIndex::WholeMember>& members);
  void clean();
  void tell_displaced();

  void look_up(SessionQuestions::Question& question);
  void on_found(const session::SessionKey& key, Instant asked,
                const Result<SessionIndex::Found>& found);
  void take_over(const SessionQuestions::Question& question, Instant asked,
                 const SessionIndex::Alive& alive);
  void on_unknown(SessionQuestions::Question& question, const SessionIndex::Unknown& unknown);
  void check_questions();
  void give_up(const SessionQuestions::Question& question);
  void answer(const session::SessionKey& key, session::Answer answer);
  void note_answer(session::Answer answer);

  void ask_for_more();
  void on_taken(Instant asked, const Result<SessionIndex::Taken>& taken);
  void finish_takeover(const TakeoverEnd& end);

  [[nodiscard]] bool has_joined() const { return stage_ >= Stage::sending; }
  /// `then`, unless this object is gone or the connection of now has been lost meanwhile.
  template <class T, class Act>
  SessionIndex::Then<T> on_this_connection(Act act) {
    const std::weak_ptr<SessionSync*> self = self_;
    return [self, connection = connection_, act = std::move(act)](const Result<T>& result) {
      const auto alive = self.lock();
      if (alive && (*alive)->connection_ == connection) act(result);
    };
  }

  Settings settings_;
  World world_;
  SessionIndex& index_;
  session::SharedSessions& sessions_;
  const Clock& clock_;

  SyncStatistics statistics_;
  SyncNodes nodes_;
  SessionSender sender_;
  SessionQuestions questions_;
  io::Timer timer_;

  Stage stage_ = Stage::lost;
  std::uint64_t connection_ = 0;  // counts connections, so that late answers are told apart
  enum class Asking : std::uint8_t { no, yes };
  Asking joining_ = Asking::no;
  Asking reading_ = Asking::no;
  Asking counting_ = Asking::no;
  Asking cleaning_ = Asking::no;
  std::string run_id_;
  Instant completed_at_;  // when the index had this member's word
  std::string token_;
  std::uint64_t last_change_ = 0;
  std::optional<Instant> changes_read_;
  /// By how many milliseconds the store's clock is ahead of this one, at least and at most.
  struct ClockOffset {
    std::int64_t least;
    std::int64_t most;
  };
  std::optional<ClockOffset> clock_offset_;
  Instant next_count_;

  std::unordered_map<NodeTag, SharedCount> counts_;
  std::optional<Instant> whole_at_;  // when the index was last seen to be whole
  std::map<session::NodeSlot, Displacement> displaced_;
  std::optional<TakingOver> taking_over_;
  // Answers hold it weakly: those that come after the end of this object find it gone.
  std::shared_ptr<SessionSync*> self_ = std::make_shared<SessionSync*>(this);
};

}  // namespace bonedry::admin::cluster
