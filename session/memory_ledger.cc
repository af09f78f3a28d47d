#include "session/memory_ledger.h"

#include "proxy/base/duration.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <utility>

namespace bonedry::session {
namespace {

constexpr std::size_t kMaxSlots = 8192;  // nodes in the life of a process; 96 bytes each, then 600
constexpr std::size_t kMaxShards = 64;   // far above the worker threads that could contend
constexpr std::size_t kShardWorth = 1024;  // smaller shards would fill unevenly
constexpr std::size_t kBlock = 128;      // records made at a time, 12 KiB: no growth ever moves one
constexpr std::int64_t kTickMs = 100;    // how exactly the wheel knows a time
constexpr std::int64_t kBuckets = 4096;  // seven minutes ahead; what is later is looked at again
constexpr std::size_t kSweepBatch = 512;  // records ended under one lock: some 50 us
constexpr std::size_t kStripe = 2048;     // records shown under one lock: some 50 us
constexpr std::size_t kEvictLook = 64;    // records looked at before eviction takes what it has
constexpr int kMostEvictions =
    4;  // per new session: a table that held ones overfilled shrinks back

using Stays = std::array<std::atomic<std::uint64_t>, TimeScale::kSteps>;
using Index = std::uint32_t;  // a record's number in its shard plus one; 0: none

}  // namespace

struct MemoryLedger::Slot {
  balancer::SessionCounts counts;
  std::uint32_t generation = 0;             // changed under all shard locks, read under any
  SessionTimes times;                       // the same
  std::atomic<std::int64_t> evicted_ms{0};  // of the last eviction; 0: never
  std::unique_ptr<Stays> stays;             // made with the slot
};

struct MemoryLedger::Record {
  SessionKey key;
  CookieCheck check = 0;
  Instant created;
  Instant last;
  std::int64_t due_tick = 0;  // the bucket it stands in is that of this tick
  NodeSlot node = 0;
  std::uint32_t generation = 0;  // another than the slot's: displaced, counted nowhere
  std::uint32_t exchanges = 0;
  std::uint32_t open = 0;
  std::uint32_t tunnels = 0;
  Index next_same_hash = 0;
  Index wheel_previous = 0;
  Index wheel_next = 0;
  Index pending_previous = 0;
  Index pending_next = 0;
  SessionState state = SessionState::pending;
};

/// One lock's worth of the ledger. Every function but the constructor wants `mutex` held.
class MemoryLedger::Shard {
 public:
  Shard(std::size_t capacity, Slot* slots, Instant now)
      : capacity_(capacity),
        mask_(std::bit_ceil(capacity) - 1),
        // calloc, so that the pages of a large table are touched only as it fills.
        heads_(static_cast<Index*>(std::calloc(mask_ + 1, sizeof(Index)))),
        wheel_(kBuckets),
        tick_(now.ms / kTickMs),
        slots_(slots) {
    if (!heads_) throw std::bad_alloc();
  }

  Record& at(Index index) { return blocks_[(index - 1) / kBlock][(index - 1) % kBlock]; }

  Index find(const SessionKey& key, Instant now) {
    for (Index index = head(key); index != 0; index = at(index).next_same_hash) {
      Record& record = at(index);
      if (record.key != key) continue;
      if (record.open == 0 && now >= expiry(record)) {
        leave(index);
        return 0;
      }
      return index;
    }
    return 0;
  }

  Index insert(const SessionKey& key, CookieCheck check, NodeSlot node, SessionState state,
               Instant created, Instant now) {
    for (int room = 0; room < kMostEvictions && count_ >= capacity_; ++room) evict(now);
    const Index index = allocate();
    Record& record = at(index);
    record = Record{};
    record.key = key;
    record.check = check;
    record.created = created;
    record.last = now;
    record.node = node;
    record.generation = slots_[node].generation;
    record.state = state;
    record.next_same_hash = std::exchange(head(key), index);
    ++count_;
    count(record);
    if (state == SessionState::pending) pending_push(index);
    place(index, expiry(record));
    return index;
  }

  OpenedSession hold(Index index, std::uint32_t shard, Instant now) {
    Record& record = at(index);
    record.last = std::max(record.last, now);
    ++record.open;
    ++record.exchanges;
    return {{shard, index}, record.node, displaced(record), record.created, DoneBy::another};
  }

  void make_live(Index index) {
    Record& record = at(index);
    if (record.state == SessionState::live) return;
    if (!displaced(record)) slots_[record.node].counts.pending_to_live();
    pending_remove(index);
    record.state = SessionState::live;
    place_earlier(index);
  }

  MovedSession move(Index index, NodeSlot from, NodeSlot to) {
    Record& record = at(index);
    // Another exchange of the session was faster: one user is never put on two nodes.
    if (record.node != from && !displaced(record)) return {record.node, DoneBy::another};
    uncount(record);
    record.node = to;
    record.generation = slots_[to].generation;
    count(record);
    return {to, DoneBy::this_call};
  }

  void release(Index index, Instant now) {
    Record& record = at(index);
    record.last = std::max(record.last, now);
    --record.open;
    if (record.open == 0) place_earlier(index);
  }

  /// Ends what ran out, at most kSweepBatch records; true when there is more.
  bool sweep(Instant now) {
    const std::int64_t now_tick = now.ms / kTickMs;
    std::size_t budget = kSweepBatch;
    while (tick_ <= now_tick) {
      while (const Index index = wheel_[bucket(tick_)].first) {
        if (budget-- == 0) return true;
        const Instant due = expiry(at(index));
        if (due > now) {
          unplace(index);
          place(index, due);
        } else {
          leave(index);
        }
      }
      if (tick_ == now_tick) return false;
      ++tick_;
    }
    return false;
  }

  /// Looks at every record anew, after times have changed.
  void place_all() {
    for (Index index = 1; index <= used_; ++index) {
      if (at(index).due_tick != 0) place_earlier(index);
    }
  }

  /// Shows those of the records from `first` on, before `end`, that are counted on a node.
  void show(std::size_t first, std::size_t end,
            const std::function<void(NodeSlot, const SessionInfo&)>& show) {
    for (std::size_t number = first; number < std::min<std::size_t>(end, used_); ++number) {
      const Record& record = at(static_cast<Index>(number + 1));
      if (record.due_tick == 0 || displaced(record)) continue;
      show(record.node, {record.key, record.state, record.created, record.last, record.exchanges,
                         record.open, record.tunnels, record.open > 0 ? kNoEnd : expiry(record)});
    }
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }
  CookieCheck& check(Index index) { return at(index).check; }

  mutable std::mutex mutex;

 private:
  /// Records to look at in one tick, in the order in which they were placed.
  struct Bucket {
    Index first = 0;
    Index last = 0;
  };
  struct Free {
    void operator()(Index* heads) const { std::free(heads); }
  };

  Index& head(const SessionKey& key) { return heads_.get()[key.low & mask_]; }
  static std::size_t bucket(std::int64_t tick) { return static_cast<std::size_t>(tick % kBuckets); }

  [[nodiscard]] bool displaced(const Record& record) const {
    return record.generation != slots_[record.node].generation;
  }

  [[nodiscard]] Instant expiry(const Record& record) const {
    // Held: not before it is released, which looks at it again.
    if (record.open > 0) return record.last + kMaxDuration;
    const SessionTimes& times = slots_[record.node].times;
    const bool live = record.state == SessionState::live;
    const Instant idle = record.last + (live ? times.idle : times.pending);
    return std::min(idle, record.created + times.lifetime);
  }

  void count(const Record& record) {
    if (displaced(record)) return;
    balancer::SessionCounts& counts = slots_[record.node].counts;
    record.state == SessionState::live ? counts.add_live() : counts.add_pending();
  }

  void uncount(const Record& record) {
    if (displaced(record)) return;
    balancer::SessionCounts& counts = slots_[record.node].counts;
    record.state == SessionState::live ? counts.take_live() : counts.take_pending();
  }

  /// Ends a session whose user has left.
  void leave(Index index) {
    const Record& record = at(index);
    if (record.state == SessionState::live && !displaced(record)) {
      const std::size_t step = TimeScale::step_of(record.last - record.created);
      (*slots_[record.node].stays)[step].fetch_add(1, std::memory_order_relaxed);
    }
    end(index);
  }

  void end(Index index) {
    Record& record = at(index);
    uncount(record);
    unplace(index);
    if (record.state == SessionState::pending) pending_remove(index);
    Index* link = &head(record.key);
    while (*link != index) link = &at(*link).next_same_hash;
    *link = record.next_same_hash;
    record.next_same_hash = std::exchange(free_, index);
    record.due_tick = 0;
    --count_;
  }

  Index allocate() {
    if (free_ != 0) return std::exchange(free_, at(free_).next_same_hash);
    if (used_ == blocks_.size() * kBlock) blocks_.push_back(std::make_unique<Record[]>(kBlock));
    return ++used_;
  }

  /// Makes room: the oldest pending session, else the one that would run out first.
  void evict(Instant now) {
    std::size_t looks = kEvictLook;
    for (Index index = pending_oldest_; index != 0 && looks-- > 0; index = at(index).pending_next) {
      if (at(index).open == 0) return evict(index, now);
    }
    if (const Index index = soonest_to_end()) evict(index, now);
  }

  /// Of those that the wheel would look at first, the one that runs out first; 0: all are held.
  Index soonest_to_end() {
    Index soonest = 0;
    std::size_t looks = kEvictLook;
    for (std::int64_t tick = tick_; tick < tick_ + kBuckets; ++tick) {
      for (Index index = wheel_[bucket(tick)].first; index != 0; index = at(index).wheel_next) {
        if (looks-- == 0) return soonest;
        if (at(index).open > 0) continue;
        if (soonest == 0 || expiry(at(index)) < expiry(at(soonest))) soonest = index;
      }
    }
    return soonest;
  }

  void evict(Index index, Instant now) {
    slots_[at(index).node].evicted_ms.store(now.ms, std::memory_order_release);
    end(index);
    ++evicted_;
  }

  /// The first tick at which this time is surely past.
  static std::int64_t tick_of(Instant due) { return due.ms / kTickMs + 1; }

  void place(Index index, Instant due) {
    Record& record = at(index);
    record.due_tick = std::clamp(tick_of(due), tick_ + 1, tick_ + kBuckets - 1);
    Bucket& list = wheel_[bucket(record.due_tick)];
    record.wheel_previous = list.last;
    record.wheel_next = 0;
    (list.last != 0 ? at(list.last).wheel_next : list.first) = index;
    list.last = index;
  }

  void unplace(Index index) {
    const Record& record = at(index);
    Bucket& list = wheel_[bucket(record.due_tick)];
    (record.wheel_next != 0 ? at(record.wheel_next).wheel_previous : list.last) =
        record.wheel_previous;
    (record.wheel_previous != 0 ? at(record.wheel_previous).wheel_next : list.first) =
        record.wheel_next;
  }

  /// The wheel looks by itself at what got later; what got earlier must be told.
  void place_earlier(Index index) {
    const Instant due = expiry(at(index));
    if (tick_of(due) >= at(index).due_tick) return;
    unplace(index);
    place(index, due);
  }

  void pending_push(Index index) {
    Record& record = at(index);
    record.pending_previous = pending_newest_;
    record.pending_next = 0;
    (pending_newest_ != 0 ? at(pending_newest_).pending_next : pending_oldest_) = index;
    pending_newest_ = index;
  }

  void pending_remove(Index index) {
    const Record& record = at(index);
    (record.pending_next != 0 ? at(record.pending_next).pending_previous : pending_newest_) =
        record.pending_previous;
    (record.pending_previous != 0 ? at(record.pending_previous).pending_next : pending_oldest_) =
        record.pending_next;
  }

  std::size_t capacity_;
  std::size_t mask_;
  std::unique_ptr<Index, Free> heads_;
  std::vector<std::unique_ptr<Record[]>> blocks_;
  std::vector<Bucket> wheel_;
  std::int64_t tick_;  // everything due before this tick has been looked at
  Slot* slots_;
  Index used_ = 0;
  Index free_ = 0;
  Index pending_oldest_ = 0;
  Index pending_newest_ = 0;
  std::size_t count_ = 0;
  std::uint64_t evicted_ = 0;
};

MemoryLedger::MemoryLedger(std::size_t capacity, Instant now)
    : capacity_(std::max<std::size_t>(capacity, 1)), slots_(std::make_unique<Slot[]>(kMaxSlots)) {
  const std::size_t shards =
      std::bit_floor(std::clamp<std::size_t>(capacity_ / kShardWorth, 1, kMaxShards));
  stripes_ = capacity_ / shards / kStripe + 1;
  for (std::size_t i = 0; i < shards; ++i) {
    const std::size_t share = capacity_ / shards + (i < capacity_ % shards ? 1 : 0);
    shards_.push_back(std::make_unique<Shard>(share, slots_.get(), now));
  }
}

MemoryLedger::~MemoryLedger() = default;

MemoryLedger::Shard& MemoryLedger::shard_of(const SessionKey& key) const {
  return *shards_[(key.high >> 32U) & (shards_.size() - 1)];
}

std::vector<std::unique_lock<std::mutex>> MemoryLedger::lock_all() const {
  std::vector<std::unique_lock<std::mutex>> locks;
  locks.reserve(shards_.size());
  for (const auto& shard : shards_) locks.emplace_back(shard->mutex);
  return locks;
}

NodeSlot MemoryLedger::slot_of(std::string_view node_key) {
  const std::lock_guard lock(slots_mutex_);
  const auto found = slot_names_.find(node_key);
  if (found != slot_names_.end()) return found->second;
  if (slot_names_.size() == kMaxSlots) throw std::length_error("too many nodes for the ledger");
  const auto slot = static_cast<NodeSlot>(slot_names_.size());
  slot_names_.emplace(node_key, slot);
  slots_[slot].stays = std::make_unique<Stays>();
  return slot;
}

void MemoryLedger::set_times(NodeSlot slot, SessionTimes times) {
  const auto locks = lock_all();
  slots_[slot].times = times;
  for (const auto& shard : shards_) shard->place_all();
}

const balancer::SessionCounts& MemoryLedger::counts(NodeSlot slot) const {
  return slots_[slot].counts;
}

Ledger::Lookup MemoryLedger::open(const SessionKey& key, CookieCheck check, Instant now) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const Index index = shard.find(key, now);
  if (index == 0) return {std::nullopt, Miss::unknown};
  if (shard.check(index) != check) return {std::nullopt, Miss::mismatch};
  shard.make_live(index);
  return {
      shard.hold(index, static_cast<std::uint32_t>((key.high >> 32U) & (shards_.size() - 1)), now),
      Miss::unknown};
}

std::optional<OpenedSession> MemoryLedger::open_verified(const SessionKey& key, Instant now) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const Index index = shard.find(key, now);
  if (index == 0) return std::nullopt;
  shard.make_live(index);
  return shard.hold(index, static_cast<std::uint32_t>((key.high >> 32U) & (shards_.size() - 1)),
                    now);
}

OpenedSession MemoryLedger::begin(const SessionKey& key, CookieCheck check, NodeSlot node,
                                  SessionState state, Instant created, Instant now) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto number = static_cast<std::uint32_t>((key.high >> 32U) & (shards_.size() - 1));
  if (const Index found = shard.find(key, now)) {
    shard.make_live(found);
    return shard.hold(found, number, now);
  }
  const Index made = shard.insert(key, check, node, state, created, now);
  OpenedSession session = shard.hold(made, number, now);
  session.begun = DoneBy::this_call;
  return session;
}

MovedSession MemoryLedger::move(SessionRef ref, NodeSlot from, NodeSlot to) {
  Shard& shard = *shards_[ref.shard];
  const std::lock_guard lock(shard.mutex);
  return shard.move(ref.index, from, to);
}

void MemoryLedger::reseal(SessionRef ref, CookieCheck check) {
  Shard& shard = *shards_[ref.shard];
  const std::lock_guard lock(shard.mutex);
  shard.check(ref.index) = check;
}

void MemoryLedger::close(SessionRef ref, Instant now) {
  Shard& shard = *shards_[ref.shard];
  const std::lock_guard lock(shard.mutex);
  shard.release(ref.index, now);
}

std::uint64_t MemoryLedger::displace(NodeSlot slot) {
  const auto locks = lock_all();
  Slot& entry = slots_[slot];
  ++entry.generation;
  return static_cast<std::uint64_t>(entry.counts.take_all().all());
}

bool MemoryLedger::sweep(Instant now) {
  bool more = false;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    more = shard->sweep(now) || more;
  }
  return more;
}

void MemoryLedger::open_tunnel(SessionRef ref) {
  Shard& shard = *shards_[ref.shard];
  const std::lock_guard lock(shard.mutex);
  ++shard.at(ref.index).tunnels;
}

void MemoryLedger::close_tunnel(SessionRef ref) {
  Shard& shard = *shards_[ref.shard];
  const std::lock_guard lock(shard.mutex);
  --shard.at(ref.index).tunnels;
}

std::size_t MemoryLedger::parts() const {
  return shards_.size() * stripes_;
}

void MemoryLedger::visit(std::size_t part,
                         const std::function<void(NodeSlot, const SessionInfo&)>& show) const {
  Shard& shard = *shards_[part / stripes_];
  const std::size_t first = part % stripes_ * kStripe;
  // Held sessions may overfill a shard: the last stripe has them too.
  const bool last = part % stripes_ == stripes_ - 1;
  const std::lock_guard lock(shard.mutex);
  shard.show(first, last ? std::numeric_limits<std::size_t>::max() : first + kStripe, show);
}

StayHistogram MemoryLedger::stays(NodeSlot slot) const {
  StayHistogram histogram;
  for (std::size_t step = 0; step < histogram.counts.size(); ++step) {
    histogram.counts[step] = (*slots_[slot].stays)[step].load(std::memory_order_relaxed);
  }
  return histogram;
}

std::optional<Instant> MemoryLedger::last_eviction(NodeSlot slot) const {
  const std::int64_t ms = slots_[slot].evicted_ms.load(std::memory_order_acquire);
  if (ms == 0) return std::nullopt;
  return Instant{ms};
}

Ledger::Totals MemoryLedger::totals() const {
  Totals totals{0, capacity_, 0};
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    totals.sessions += shard->count();
    totals.evicted += shard->evicted();
  }
  return totals;
}

}  // namespace bonedry::session
