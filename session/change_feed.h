#pragma once

#include "proxy/base/clock.h"
#include "session/ledger_layout.h"
#include "session/shared_sessions.h"

#include <algorithm>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

namespace bonedry::session {

/// Ledger times in 32 bits, as ticks of 100 ms: 6.8 years in either direction from its base.
/// Earlier and later ones become the first and the last. 0 is none of them.
class ShortTimes {
 public:
  explicit ShortTimes(std::int64_t base_ms) : base_(base_ms / layout::kTickMs - kMiddle) {}

  /// The last tick that is not later.
  [[nodiscard]] std::uint32_t down(std::int64_t ms) const {
    const std::int64_t tick = (ms - (ms < 0 ? layout::kTickMs - 1 : 0)) / layout::kTickMs - base_;
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(tick, 1, UINT32_MAX));
  }
  /// The first tick that is not earlier.
  [[nodiscard]] std::uint32_t up(std::int64_t ms) const { return down(ms + layout::kTickMs - 1); }
  [[nodiscard]] std::int64_t ms(std::uint32_t tick) const {
    return (tick + base_) * layout::kTickMs;
  }

 private:
  static constexpr std::int64_t kMiddle = std::int64_t{1} << 31U;
  std::int64_t base_;
};

/// Of all shards, in the order in which they happened, what leaves no record behind: endings and
/// renewals. Thread-safe; added to under the lock of each shard concerned. What comes beyond `max`
/// is dropped, and counts as lost.
class ChangeEvents {
 public:
  explicit ChangeEvents(std::size_t max) : max_(max) {}

  void add(const SessionChange& event);
  enum class Rest : std::uint8_t { none, more };
  /// Appends the oldest ones and drops them.
  Rest take(std::vector<SessionChange>& out, std::size_t max);
  /// Changes may be lost.
  void note_loss() { lost_.store(true, std::memory_order_relaxed); }
  /// Whether any were, since the last call.
  [[nodiscard]] bool take_loss() { return lost_.exchange(false); }

 private:
  std::size_t max_;
  std::atomic<bool> lost_{false};
  std::mutex mutex_;  // guards the members below
  std::vector<SessionChange> events_;
  std::size_t first_ = 0;  // those before have been taken
};

/// What the sessions of one shard did that other members of the cluster have not been told. Owned
/// by a ClusterLedger; used under the shard's lock. Times are ledger times.
///
/// Has a note on each record, in memory of this process. Each record that has changed is listed
/// once, by a link in its note, and described when it is told. What leaves no record behind is
/// added to the events of all shards.
class ChangeFeed {
 public:
  using Index = layout::Index;
  using Record = layout::Record;

  /// `offset_ms`: from an Instant to ledger time.
  ChangeFeed(std::size_t records, std::int64_t offset_ms, const Clock& clock, ChangeEvents& events);

  /// A new record is at `index`; nothing of it has been told.
  void begin(Index index, const Record& record) { reset(note(index), identity(record)); }
  /// It now ends at `end_ms`, which changes it only if that is later than what was told. On the way
  /// of every exchange.
  void touch(Index index, const Record& record, std::int64_t end_ms) {
    Note& note = note_of(index, record);
    if (end_ms > times_.ms(note.told)) list(index, note);
  }
  /// It has become something else than was told.
  void change(Index index, const Record& record) {
    forget(index, record);
    list(index, note(index));
  }
  /// It is told when it is used next, even if its end has not moved.
  void forget(Index index, const Record& record) { note_of(index, record).told = 0; }
  /// It is being told that it ends at `end_ms`; returns the time to tell, which may be later.
  std::int64_t tell(Index index, const Record& record, std::int64_t end_ms);

  /// It goes on in place of `before`, a record of the shard of `from`, and ends at `end_ms`: what
  /// others were told of that one they know of this one, and what they were not told is told of it.
  void take_over(Index index, const Record& record, std::int64_t end_ms, ChangeFeed& from,
                 Index before_index, const Record& before);

  /// When it was put on its node.
  [[nodiscard]] std::int64_t placed_ms(Index index, const Record& record);
  /// What another member said of that.
  void put_placed(Index index, const Record& record, std::int64_t placed_ms);
  /// Compares that with when another member put it on a node.
  [[nodiscard]] std::strong_ordering compare_placed(Index index, const Record& record,
                                                    std::int64_t placed_ms);
  /// It was moved here, just now: later than any move of it that is known.
  void move(Index index, const Record& record);

  /// An ending or a renewal; `key` is that of `record`, for a renewal the previous value's.
  void add_event(SessionChange::Kind kind, const Record& record, std::int64_t at_ms,
                 const SessionKey& other = {});
  /// Changes may be lost.
  void note_loss() { events_->note_loss(); }

  /// Takes a record from the list of those that have changed; 0: it is empty.
  [[nodiscard]] Index take_changed();
  [[nodiscard]] bool empty() const { return first_ == kLast; }

  [[nodiscard]] std::int64_t now_ms() const { return clock_->now().ms + offset_ms_; }
  [[nodiscard]] Instant instant(std::int64_t ms) const { return {ms - offset_ms_}; }
  [[nodiscard]] SessionChange describe(SessionChange::Kind kind, const Record& record) const;

 private:
  /// All zeros for a record on which nothing was noted.
  struct Note {
    std::uint32_t told;      // the end that was told last; 0: nothing
    std::uint32_t placed;    // when it was last moved; 0: when it was created
    std::uint32_t identity;  // of the record: the other process that shares the ledger frees and
                             // uses records too
    Index next;              // in the list; 0: it is not in it
  };
  static constexpr Index kLast = UINT32_MAX;

  static std::uint32_t identity(const Record& record) {
    return static_cast<std::uint32_t>(record.key_low ^ record.key_high >> 32U) ^
           static_cast<std::uint32_t>(record.created_ms.load());
  }
  /// Leaves it in the list.
  static void reset(Note& note, std::uint32_t identity) {
    note.told = 0;
    note.placed = 0;
    note.identity = identity;
  }
  [[nodiscard]] Note& note(Index index) { return notes_.get()[index - 1]; }
  [[nodiscard]] Note& note_of(Index index, const Record& record) {
    Note& there = note(index);
    const std::uint32_t is = identity(record);
    if (there.identity != is) reset(there, is);
    return there;
  }
  void list(Index index, Note& note);

  struct Free {
    void operator()(Note* notes) const { std::free(notes); }
  };

  ShortTimes times_;
  std::int64_t offset_ms_;
  const Clock* clock_;
  ChangeEvents* events_;
  std::unique_ptr<Note, Free> notes_;  // memory that is zero until it is used
  Index first_ = kLast;                // list of records that have changed
  Index last_ = kLast;
};

}  // namespace bonedry::session
