#pragma once

#include "session/ledger.h"
#include "session/ledger_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::session {

class ChangeFeed;

/// A robust mutex between processes, locked. If its owner was killed, whatever it protects must be
/// rebuilt and `recovered` called; otherwise the mutex can never be locked again.
class RobustLock {
 public:
  enum class Owner : std::uint8_t { lived, died };

  explicit RobustLock(pthread_mutex_t& mutex);
  ~RobustLock();
  RobustLock(RobustLock&& other) noexcept;
  RobustLock(const RobustLock&) = delete;
  RobustLock& operator=(const RobustLock&) = delete;
  RobustLock& operator=(RobustLock&&) = delete;

  [[nodiscard]] Owner previous_owner() const { return previous_; }
  /// What a dead owner left is consistent again.
  void recovered() { ::pthread_mutex_consistent(mutex_); }
  static void make(pthread_mutex_t& mutex);

 private:
  pthread_mutex_t* mutex_;
  Owner previous_ = Owner::lived;
};

/// The records of a ledger that were damaged beyond use.
struct RecordLoss {
  std::size_t records = 0;
  enum class Where : std::uint8_t { known, unknown };
  Where where = Where::known;  ///< unknown: for some record the node could not be determined
};

/// The part of the ledger under one lock: a hash table of records, a timer wheel of expiry times, a
/// list of pending sessions from the oldest. The lock must be held for every function but `lock`.
/// Times are ledger times, see layout::HeaderFacts.
///
/// A process may be killed anywhere in here. `rebuild` then restores everything from the places of
/// the records; the counts are never too low, because they grow before a session is added and
/// shrink after it is removed.
class LedgerShard {
 public:
  using Index = layout::Index;
  using Record = layout::Record;

  LedgerShard(const LedgerFile& file, std::size_t shard, std::size_t process);

  /// Rebuilds the shard if a process was killed while it held the lock.
  [[nodiscard]] RobustLock lock();
  /// Initialises a shard that is all zeros as an empty one.
  void start(std::int64_t now_ms);
  /// Rebuilds hash table, wheel and lists after all processes have ended. What they held is
  /// released, and counts as used until `alive_until_ms`, when they were last seen. Impossible
  /// times are corrected, later rather than earlier. Damaged records are dropped, and the ledger is
  /// then incomplete: for their nodes, or for all nodes where the node cannot be determined.
  void restore(std::int64_t alive_until_ms, std::int64_t now_ms, RecordLoss& loss);
  /// Rebuilds hash table, wheel and lists from the records, for instance of a copy that nobody
  /// holds.
  void rebuild(std::int64_t now_ms);
  /// Releases what a process that has ended held; it counts as used until `alive_until_ms`.
  void release_all_of(std::size_t process, std::int64_t alive_until_ms);
  /// Initialises the lock again; only while no other process uses the file.
  void reset_lock() { RobustLock::make(header_->mutex); }

  [[nodiscard]] Index find(const SessionKey& key, std::int64_t now_ms);
  [[nodiscard]] bool is_alias_of(Index index, const SessionKey& key) const;
  /// The next alias of the same value after that at `index`, older unless a restart came between;
  /// 0: none.
  [[nodiscard]] Index next_alias(Index index, std::int64_t now_ms) const;
  /// Like `find` for a record that another one refers to; `created_ms` must match. 0: none.
  [[nodiscard]] Index find_at(Index index, std::int64_t created_ms, std::int64_t now_ms);
  /// Returns 0 when there is no room for it, even by evicting another.
  [[nodiscard]] Index insert(const SessionKey& key, CookieFingerprint fingerprint, NodeSlot node,
                             SessionState state, std::int64_t created_ms, std::int64_t now_ms);
  /// Adds an alias of `session`, which is at `at`. If there is no room for it, its user counts as
  /// evicted, and 0 is returned.
  Index insert_alias(const SessionKey& key, const Record& session, SessionRef at,
                     std::int64_t now_ms);
  /// Turns a session into an alias of `of`, which counts it from now on. Its holders stay, see
  /// `take_over_holds`.
  void make_alias(Index index, SessionRef of);
  void touch_alias(Index index, std::int64_t now_ms);
  /// The alias ends at this time, unless it is used again.
  void retire_alias(Index index, std::int64_t until_ms);
  /// Drops an alias whose shortcut `of` leads to a session that is over. Does nothing if the
  /// shortcut has changed meanwhile, or while the alias is held.
  void drop_alias(Index index, SessionRef of);
  /// Like `copy`, for an alias of a session that was copied and is at `at` now. 0: there is no room
  /// for it.
  [[nodiscard]] Index copy_alias(const Record& alias, const Record& session, SessionRef at);
  /// Every holder of `from`, which is about to become an alias of this session, holds this one as
  /// well.
  void take_over_holds(Index index, const Record& from);
  /// Copies a record of another file in which nodes have the same slots. Nobody holds it. Copy live
  /// ones first, then pending ones from the newest, so that the oldest pending ones are those that
  /// find no room. Counts and lists are right after `rebuild` and a recount.
  void copy(const Record& record, std::int64_t now_ms);
  void hold(Index index, std::int64_t now_ms);
  void make_live(Index index);
  MovedSession move(Index index, NodeSlot from, NodeSlot to);
  /// Ends a held session, whose user has logged out; its record is freed when its last holder
  /// releases it.
  void log_out(Index index);
  void release(Index index, std::int64_t now_ms);
  /// Ends expired sessions, a bounded number of records; true when more are due.
  bool sweep(std::int64_t now_ms);
  /// Reschedules every session of a node, after its times have changed.
  void schedule_all(NodeSlot node);

  /// From now on the feed is told what other members of the cluster must hear; nullptr: nothing is
  /// told any more.
  void attach(ChangeFeed* feed);
  [[nodiscard]] ChangeFeed* feed() const { return feed_; }
  /// Tells the feed, if there is one, that a record was used.
  void note_use(Index index) {
    if (feed_ != nullptr) tell_use(index);
  }
  /// The same as `hold` and `release`, but not as a use.
  void pin(Index index);
  void unpin(Index index);
  /// Puts a session on a node, from wherever it is.
  void put_on(Index index, NodeSlot to);
  /// It was last used then.
  void put_last(Index index, std::int64_t last_ms);
  /// Ends a session, whether or not it is held.
  void end_remote(Index index);
  /// When it ends if it is used no more from now on, even if it is held.
  [[nodiscard]] std::int64_t end_ms(const Record& record, std::int64_t now_ms) const;
  /// How long it lasts without use.
  [[nodiscard]] std::int64_t timeout_ms(layout::Place place) const;
  /// How much later than its end other members may believe that it ends.
  [[nodiscard]] std::int64_t slack_ms(NodeSlot node) const;

  [[nodiscard]] Record& at(Index index) const { return records_[index - 1]; }
  [[nodiscard]] bool displaced(const Record& record) const;
  /// Whether its node counts it.
  [[nodiscard]] bool counts(const Record& record) const;
  /// When it expires if nothing more happens.
  [[nodiscard]] std::int64_t expiry(const Record& record) const;
  [[nodiscard]] static std::uint32_t holders(const Record& record) {
    return record.open[0].value() + record.open[1].value();
  }
  /// Calls `callback` for the sessions among these records: pending or live, displaced ones too.
  template <class Callback>
  void each(const Callback& callback, std::size_t first = 1, std::size_t last = SIZE_MAX) const {
    const auto pass = [&](Index index) {
      if (is_session(at(index).place())) callback(at(index));
    };
    each_index(pass, first, last);
  }
  /// Calls `callback` for the indexes among these that are in use, of free records too.
  template <class Callback>
  void each_index(const Callback& callback, std::size_t first, std::size_t last) const {
    last = std::min<std::size_t>(last, header_->used.load());
    for (auto index = static_cast<Index>(first); index <= last; ++index) callback(index);
  }

  /// Calls `callback` for all aliases.
  template <class Callback>
  void each_alias(const Callback& callback) const {
    for (Index index = 1; index <= header_->used.load(); ++index) {
      if (at(index).place().state == layout::State::alias) callback(index, at(index));
    }
  }
  /// The session or alias at this index; nullptr: it is neither.
  [[nodiscard]] const Record* known(Index index) const {
    if (index == 0 || index > header_->used.load()) return nullptr;
    const layout::State state = at(index).place().state;
    const bool free = state == layout::State::free || state == layout::State::ended;
    return free ? nullptr : &at(index);
  }

  [[nodiscard]] std::uint64_t count() const { return header_->count; }
  [[nodiscard]] std::uint64_t evicted() const { return header_->evicted; }
  /// How often the disk had no space for more records, as seen by this process.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  /// Notes that a session of the node was lost for lack of room.
  void note_eviction(NodeSlot node, std::int64_t now_ms);

 private:
  Index& head(const Record& record) const { return buckets_[record.key_low & mask_]; }
  [[nodiscard]] std::uint32_t generation(NodeSlot node) const;
  void count(layout::Place place) const;
  void uncount(layout::Place place) const;
  void put_state(Record& record, layout::State state) const;
  void end(Index index);
  void end_held(Index index);
  /// The same for a session whose user has left.
  void end_departed(Index index);
  void note_stay(const Record& record) const;
  void tell_use(Index index);
  /// When the wheel must look at a record again in case it is held, so that others are told in
  /// time.
  [[nodiscard]] std::int64_t look_ms(const Record& record) const;
  /// A holder is gone: a session that only its holders kept from ending may end.
  void end_if_unheld(Index index);
  /// Takes a session out of hash table, wheel and lists.
  void unlink(Index index);
  void link(Index index);
  void free_record(Index index);
  /// A record for a new session, by evicting another if necessary; 0: none is available.
  [[nodiscard]] Index make_room(std::int64_t now_ms);
  [[nodiscard]] Index allocate();
  [[nodiscard]] bool grow();
  [[nodiscard]] bool evict(std::int64_t now_ms);
  void evict(Index index, std::int64_t now_ms);
  [[nodiscard]] Index soonest_to_end() const;
  void clear();
  /// Repairs the shard after a process was killed while it held the lock.
  void repair();
  static void forget(Record& record, std::size_t process, std::int64_t alive_until_ms);
  void validate(Record& record, std::int64_t now_ms, RecordLoss& loss) const;
  void note_loss_anywhere(std::int64_t now_ms) const;
  static void bound_times(Record& record, std::int64_t now_ms);
  [[nodiscard]] Index last_written() const;
  void adopt(Index index, std::vector<Index>& pending);
  void schedule(Index index, std::int64_t due_ms);
  void schedule_earlier(Index index);
  void unschedule(Index index);
  void pending_push(Index index);
  void pending_remove(Index index);

  // Many: pointers into the mapped file, computed once.
  const LedgerFile* file_;
  std::size_t process_;
  std::size_t records_at_;
  std::size_t share_;
  std::size_t room_;
  std::uint64_t mask_;
  std::uint64_t refused_ = 0;
  layout::Header* ledger_;
  layout::Slot* slots_;
  layout::ShardHeader* header_;
  Index* buckets_;
  layout::WheelSlot* wheel_;
  Record* records_;
  ChangeFeed* feed_ = nullptr;  // null: this proxy is in no cluster
};

}  // namespace bonedry::session
