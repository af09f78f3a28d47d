#pragma once

#include "session/ledger.h"
#include "session/ledger_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::session {

/// A robust mutex between processes, locked. When its owner was killed, whatever it protects must
/// be made anew; if that is not said to be done, nobody can lock it again.
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
  /// What a dead owner left is right again.
  void recovered() { ::pthread_mutex_consistent(mutex_); }
  static void make(pthread_mutex_t& mutex);

 private:
  pthread_mutex_t* mutex_;
  Owner previous_ = Owner::lived;
};

/// What of a ledger's records was damaged beyond use.
struct RecordLoss {
  std::size_t records = 0;
  enum class Where : std::uint8_t { known, unknown };
  Where where = Where::known;  ///< unknown: of some record nobody can tell which node it was on
};

/// One lock's worth of the ledger: a hash table of records, a wheel of expiry times, a list of
/// pending sessions from the oldest. Every function but `lock` wants the lock held. Times are
/// ledger times, see layout::Header.
///
/// A process may be killed anywhere in here. Whatever it leaves, `rebuild` makes right from the
/// places of the records; the counts it leaves are never too low, for they grow before a session
/// is there and shrink when it is gone.
class LedgerShard {
 public:
  using Index = layout::Index;
  using Record = layout::Record;

  LedgerShard(const LedgerFile& file, std::size_t shard, std::size_t process);

  /// Rebuilds the shard if a process was killed in it.
  [[nodiscard]] RobustLock lock();
  /// Makes a shard that is all zeros one with nothing in it.
  void start(std::int64_t now_ms);
  /// Makes hash table, wheel and lists anew after all processes have ended. What they held is held
  /// no longer, but as if until `alive_until_ms`, when they were last seen. Times that cannot be
  /// are made such that can: later rather than earlier. Records that were damaged are dropped, and
  /// the ledger is incomplete: for their nodes, or for all where nobody can tell.
  void restore(std::int64_t alive_until_ms, std::int64_t now_ms, RecordLoss& loss);
  /// The same for a copy that nobody holds.
  void rebuild(std::int64_t now_ms);
  /// Forgets what a process that is no more held, as if until `alive_until_ms`.
  void release_all_of(std::size_t process, std::int64_t alive_until_ms);
  /// Puts the lock as new; only while no other process is there.
  void reset_lock() { RobustLock::make(header_->mutex); }

  [[nodiscard]] Index find(const SessionKey& key, std::int64_t now_ms);
  [[nodiscard]] bool is_alias_of(Index index, const SessionKey& key) const;
  /// Of the same value as the alias at `index`, and older where no restart came between; 0: none.
  [[nodiscard]] Index next_alias(Index index, std::int64_t now_ms) const;
  /// The same for a record of which another one says where it is; `created_ms` must be right.
  [[nodiscard]] Index find_at(Index index, std::int64_t created_ms, std::int64_t now_ms);
  /// 0: there is no room for it, not even in place of another.
  [[nodiscard]] Index insert(const SessionKey& key, CookieFingerprint check, NodeSlot node,
                             SessionState state, std::int64_t created_ms, std::int64_t now_ms);
  /// Another value of a session `session`, which is at `at`. With no room for it, its user counts
  /// as evicted.
  void insert_alias(const SessionKey& key, const Record& session, SessionRef at,
                    std::int64_t now_ms);
  /// A session is one under another value from now on, which counts it. Its holders stay, see
  /// `take_over_holds`.
  void make_alias(Index index, SessionRef of);
  void touch_alias(Index index, std::int64_t now_ms);
  /// An alias ends at this time, unless it is used once more.
  void retire_alias(Index index, std::int64_t until_ms);
  /// What its shortcut names is over. Nothing is done when that is another one by now, or while
  /// it is held.
  void drop_alias(Index index, SessionRef of);
  /// The same as `copy` for another value of a session that was copied and is at `at` now. 0: there
  /// is no room for it.
  [[nodiscard]] Index copy_alias(const Record& alias, const Record& session, SessionRef at);
  /// Whoever holds `from`, which is about to become an alias of this session, holds this as well.
  void take_over_holds(Index index, const Record& from);
  /// The same for a record of another file, in which nodes have the same slots. Nobody holds it.
  /// Live ones come first, then pending ones from the newest: which there is no room for are then
  /// the oldest pending ones. Counts and lists are right after `rebuild` and a recount.
  void copy(const Record& record, std::int64_t now_ms);
  void hold(Index index, std::int64_t now_ms);
  void make_live(Index index);
  MovedSession move(Index index, NodeSlot from, NodeSlot to);
  /// It is nobody's from now on; the record goes with its last holder.
  void end_held(Index index);
  void release(Index index, std::int64_t now_ms);
  /// Ends what ran out, a bounded number of records; true when there is more.
  bool sweep(std::int64_t now_ms);
  /// Looks at every record of a node anew, after its times have changed.
  void schedule_all(NodeSlot node);

  [[nodiscard]] Record& at(Index index) const { return records_[index - 1]; }
  [[nodiscard]] bool displaced(const Record& record) const;
  /// Whether it is in its node's count.
  [[nodiscard]] bool counts(const Record& record) const;
  /// When it ends if nothing more happens.
  [[nodiscard]] std::int64_t expiry(const Record& record) const;
  [[nodiscard]] static std::uint32_t holders(const Record& record) {
    return record.open[0].value() + record.open[1].value();
  }
  /// All that are sessions, pending or live, displaced ones too, of the records of these numbers.
  template <class Callback>
  void each(const Callback& callback, std::size_t first = 1, std::size_t last = SIZE_MAX) const {
    last = std::min<std::size_t>(last, header_->used.load());
    for (auto index = static_cast<Index>(first); index <= last; ++index) {
      const layout::State state = at(index).place().state;
      if (state == layout::State::pending || state == layout::State::live) callback(at(index));
    }
  }

  /// All that are other values of sessions.
  template <class Callback>
  void each_alias(const Callback& callback) const {
    for (Index index = 1; index <= header_->used.load(); ++index) {
      if (at(index).place().state == layout::State::alias) callback(index, at(index));
    }
  }
  /// The session or alias of this number; nothing: it is neither.
  [[nodiscard]] const Record* known(Index index) const {
    if (index == 0 || index > header_->used.load()) return nullptr;
    const layout::State state = at(index).place().state;
    const bool free = state == layout::State::free || state == layout::State::ended;
    return free ? nullptr : &at(index);
  }

  [[nodiscard]] std::uint64_t count() const { return header_->count; }
  [[nodiscard]] std::uint64_t evicted() const { return header_->evicted; }
  /// How often the disk had no room for more records, as far as this process has met it.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  /// Notes that a session of the node was lost for want of room.
  void note_eviction(NodeSlot node, std::int64_t now_ms);

 private:
  Index& head(const Record& record) const { return buckets_[record.key_low & mask_]; }
  [[nodiscard]] std::uint32_t generation(NodeSlot node) const;
  void count(layout::Place place) const;
  void uncount(layout::Place place) const;
  void put_state(Record& record, layout::State state) const;
  void end(Index index);
  /// The same for one whose user has left.
  void leave(Index index);
  void note_stay(const Record& record) const;
  /// A holder is gone: what only holders kept from ending may end.
  void end_if_unheld(Index index);
  /// Takes a session out of table, wheel and lists.
  void unlink(Index index);
  void link(Index index);
  void give_back(Index index);
  /// A record for a session that is coming, if need be in place of another; 0: none is to be had.
  [[nodiscard]] Index make_room(std::int64_t now_ms);
  [[nodiscard]] Index allocate();
  [[nodiscard]] bool grow();
  [[nodiscard]] bool evict(std::int64_t now_ms);
  void evict(Index index, std::int64_t now_ms);
  [[nodiscard]] Index soonest_to_end() const;
  void clear();
  /// After a process was killed in here.
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
};

}  // namespace bonedry::session
