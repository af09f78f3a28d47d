#include "session/ledger_shard.h"

#include "proxy/base/duration.h"
#include "session/change_feed.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace bonedry::session {

using layout::kTickMs;
using layout::kWheelSlots;
using layout::Place;
using layout::Slot;
using layout::SlotFacts;
using layout::State;
using layout::WheelSlot;

namespace {

constexpr std::size_t kSweepBatch = 512;  // records ended under one lock: some 50 us
constexpr std::size_t kEvictLook = 64;    // records examined before eviction takes the best of them
constexpr int kMaxEvictions =
    4;  // per new session: shrinks a table that held sessions have overfilled
constexpr std::size_t kGrowBytes = 32UL * 1024;  // disk space allocated at a time: some 370 records

State state_of(SessionState state) {
  return state == SessionState::live ? State::live : State::pending;
}

std::size_t wheel_slot(std::int64_t tick) {
  return static_cast<std::size_t>(tick % kWheelSlots);
}

/// The first tick at which this time is certainly past.
std::int64_t tick_of(std::int64_t due_ms) {
  return due_ms / kTickMs + 1;
}

}  // namespace

RobustLock::RobustLock(pthread_mutex_t& mutex) : mutex_(&mutex) {
  const int error = ::pthread_mutex_lock(mutex_);
  if (error == EOWNERDEAD) {
    previous_ = Owner::died;
  } else if (error != 0) {
    throw std::system_error(error, std::generic_category(), "the ledger's lock");
  }
}

RobustLock::RobustLock(RobustLock&& other) noexcept
    : mutex_(std::exchange(other.mutex_, nullptr)), previous_(other.previous_) {}

RobustLock::~RobustLock() {
  if (mutex_ != nullptr) ::pthread_mutex_unlock(mutex_);
}

void RobustLock::make(pthread_mutex_t& mutex) {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  const int error = ::pthread_mutex_init(&mutex, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "the ledger's lock");
}

LedgerShard::LedgerShard(const LedgerFile& file, std::size_t shard, std::size_t process)
    : file_(&file),
      process_(process),
      records_at_(file.plan().records_at(shard)),
      share_(file.plan().share(shard)),
      room_(file.plan().room()),
      mask_(file.plan().buckets() - 1),
      ledger_(&file.header()),
      slots_(file.at<Slot>(LedgerPlan::slots_at())),
      header_(file.at<layout::ShardHeader>(file.plan().shard_at(shard))),
      buckets_(file.at<Index>(file.plan().buckets_at(shard))),
      wheel_(file.at<WheelSlot>(file.plan().wheel_at(shard))),
      records_(file.at<Record>(records_at_)) {}

RobustLock LedgerShard::lock() {
  RobustLock lock(header_->mutex);
  if (lock.previous_owner() == RobustLock::Owner::died) {
    repair();
    lock.recovered();
  }
  header_->owner = static_cast<std::uint32_t>(process_);
  return lock;
}

void LedgerShard::start(std::int64_t now_ms) {
  header_->used.store(0);
  header_->tick = now_ms / kTickMs;
}

/// Prefers a session to an alias. Of several aliases some may be of sessions that are over: see
/// `next_alias`.
LedgerShard::Index LedgerShard::find(const SessionKey& key, std::int64_t now_ms) {
  Index alias = 0;
  Index next = 0;
  for (Index index = buckets_[key.low & mask_]; index != 0; index = next) {
    const Record& record = at(index);
    next = record.next_same_hash;
    if (record.key_low != key.low || record.key_high != key.high) continue;
    if (holders(record) == 0 && now_ms >= expiry(record)) {
      end_departed(index);
    } else if (record.place().state != State::alias) {
      return index;
    } else if (alias == 0) {
      alias = index;
    }
  }
  return alias;
}

bool LedgerShard::is_alias_of(Index index, const SessionKey& key) const {
  const Record& record = at(index);
  return record.place().state == State::alias && record.key_low == key.low &&
         record.key_high == key.high;
}

LedgerShard::Index LedgerShard::next_alias(Index index, std::int64_t now_ms) const {
  const SessionKey key{at(index).key_high, at(index).key_low};
  for (index = at(index).next_same_hash; index != 0; index = at(index).next_same_hash) {
    const bool goes_on = holders(at(index)) > 0 || now_ms < expiry(at(index));
    if (goes_on && is_alias_of(index, key)) break;
  }
  return index;
}

LedgerShard::Index LedgerShard::find_at(Index index, std::int64_t created_ms, std::int64_t now_ms) {
  if (index == 0 || index > header_->used.load()) return 0;
  const Record& record = at(index);
  const Place place = record.place();
  const bool findable = is_session(place) || place.state == State::alias;
  if (!findable || !record.identity_intact() || record.created_ms.load() != created_ms) return 0;
  if (holders(record) > 0 || now_ms < expiry(record)) return index;
  end_departed(index);
  return 0;
}

LedgerShard::Index LedgerShard::insert(const SessionKey& key, CookieFingerprint fingerprint,
                                       NodeSlot node, SessionState state, std::int64_t created_ms,
                                       std::int64_t now_ms) {
  const Index index = make_room(now_ms);
  if (index == 0) return 0;
  Record& record = at(index);
  record.put_identity(key.high, key.low, created_ms);
  record.check = fingerprint;
  record.last_ms.store(now_ms);
  record.exchanges = 0;
  record.cookie_tag = 0;
  layout::clear_holds(record);
  const Place place{generation(node), static_cast<std::uint16_t>(node), state_of(state)};
  count(place);
  record.put(place);
  link(index);
  if (place.state == State::pending) pending_push(index);
  if (feed_ != nullptr) feed_->begin(index, record);
  return index;
}

void LedgerShard::copy(const Record& record, std::int64_t now_ms) {
  const Place place = record.place();
  const bool no_room = place.state == State::pending && header_->count >= share_;
  const Index index = no_room ? 0 : make_room(now_ms);
  if (index == 0) return note_eviction(place.node, now_ms);
  Record& copied = at(index);
  copied.put_identity(record.key_high, record.key_low, record.created_ms.load());
  copied.check = record.check;
  copied.last_ms.store(record.last_ms.load());
  copied.exchanges = record.exchanges;
  copied.cookie_tag = record.cookie_tag;
  layout::clear_holds(copied);
  if (!displaced(record)) count(place);
  copied.put(place);
  link(index);
  if (place.state == State::pending) pending_push(index);
}

void LedgerShard::hold(Index index, std::int64_t now_ms) {
  Record& record = at(index);
  record.last_ms.store(std::max(record.last_ms.load(), now_ms));
  record.open[process_].put(record.open[process_].value() + 1);
  if (record.exchanges < layout::kMaxExchanges) ++record.exchanges;
  note_use(index);
}

void LedgerShard::make_live(Index index) {
  Record& record = at(index);
  if (record.place().state != State::pending) return;
  // The count changes first, in one word, so that a kill in between leaves no session uncounted.
  if (!displaced(record)) slots_[record.place().node].counts.pending_to_live();
  put_state(record, State::live);
  pending_remove(index);
  schedule_earlier(index);
  if (feed_ != nullptr) feed_->forget(index, record);  // the use that makes it live is told
}

MovedSession LedgerShard::move(Index index, NodeSlot from, NodeSlot to) {
  Record& record = at(index);
  const Place place = record.place();
  if (place.state == State::ended) return {to, DoneBy::another};
  // Another exchange of the session was faster: one user is never put on two nodes.
  if (place.node != from && !displaced(record)) return {place.node, DoneBy::another};
  const bool elsewhere = place.node != to || displaced(record);
  put_on(index, to);
  if (feed_ != nullptr && elsewhere) feed_->move(index, record);
  return {to, DoneBy::this_call};
}

void LedgerShard::put_on(Index index, NodeSlot to) {
  Record& record = at(index);
  const Place place = record.place();
  const Place next{generation(to), static_cast<std::uint16_t>(to), place.state};
  const bool counted = !displaced(record);
  count(next);
  record.put(next);
  if (counted) uncount(place);
}

void LedgerShard::log_out(Index index) {
  const Record& record = at(index);
  if (feed_ != nullptr && record.place().state != State::ended) {
    feed_->add_event(SessionChange::Kind::left, record, feed_->now_ms());
  }
  end_held(index);
}

void LedgerShard::end_held(Index index) {
  Record& record = at(index);
  const Place place = record.place();
  if (place.state == State::ended) return;
  note_stay(record);
  const bool counted = counts(record);
  unlink(index);
  put_state(record, State::ended);
  if (counted) uncount(place);
}

void LedgerShard::release(Index index, std::int64_t now_ms) {
  Record& record = at(index);
  record.last_ms.store(std::max(record.last_ms.load(), now_ms));
  record.open[process_].put(record.open[process_].value() - 1);
  note_use(index);
  end_if_unheld(index);
}

void LedgerShard::end_if_unheld(Index index) {
  const Record& record = at(index);
  if (holders(record) > 0) return;
  if (record.place().state == State::ended) return free_record(index);
  schedule_earlier(index);
}

bool LedgerShard::sweep(std::int64_t now_ms) {
  const std::int64_t now_tick = now_ms / kTickMs;
  std::size_t budget = kSweepBatch;
  while (header_->tick <= now_tick) {
    while (const Index index = wheel_[wheel_slot(header_->tick)].first) {
      if (budget-- == 0) return true;
      const std::int64_t due = expiry(at(index));
      if (due > now_ms) {
        // One that is held does not end when others were told.
        if (feed_ != nullptr && holders(at(index)) > 0) feed_->change(index, at(index));
        unschedule(index);
        schedule(index, due);
      } else {
        end_departed(index);
      }
    }
    if (header_->tick == now_tick) return false;
    ++header_->tick;
  }
  return false;
}

void LedgerShard::schedule_all(NodeSlot node) {
  for (Index index = 1; index <= header_->used.load(); ++index) {
    const Place place = at(index).place();
    if (!is_session(place) || place.node != node) continue;
    schedule_earlier(index);
    note_use(index);
  }
}

std::uint32_t LedgerShard::generation(NodeSlot node) const {
  return static_cast<std::uint32_t>(slots_[node].facts->generation);
}

bool LedgerShard::displaced(const Record& record) const {
  const Place place = record.place();
  return place.generation != generation(place.node);
}

std::int64_t LedgerShard::expiry(const Record& record) const {
  // A held session does not end before its release, which schedules it again.
  if (holders(record) > 0) return record.last_ms.load() + kMaxDuration.count();
  const Place place = record.place();
  const std::int64_t unused = record.last_ms.load() + timeout_ms(place);
  // A held session may outlive its lifetime, and so may all its values.
  if (place.state == State::alias) return unused;
  return std::min(unused, record.created_ms.load() + slots_[place.node].facts->lifetime_ms);
}

std::int64_t LedgerShard::timeout_ms(Place place) const {
  const SlotFacts& slot = *slots_[place.node].facts;
  return place.state == State::pending ? slot.pending_ms : slot.idle_ms;
}

bool LedgerShard::counts(const Record& record) const {
  return is_session(record.place()) && !displaced(record);
}

void LedgerShard::count(Place place) const {
  balancer::SessionCounts& counts = slots_[place.node].counts;
  place.state == State::live ? counts.add_live() : counts.add_pending();
}

void LedgerShard::uncount(Place place) const {
  balancer::SessionCounts& counts = slots_[place.node].counts;
  place.state == State::live ? counts.take_live() : counts.take_pending();
}

void LedgerShard::put_state(Record& record, State state) const {
  Place place = record.place();
  place.state = state;
  record.put(place);
}

void LedgerShard::end(Index index) {
  Record& record = at(index);
  const Place place = record.place();
  const bool counted = counts(record);
  unlink(index);
  free_record(index);
  if (counted) uncount(place);
}

void LedgerShard::end_departed(Index index) {
  const Record& record = at(index);
  note_stay(record);
  if (feed_ != nullptr && is_session(record.place())) {
    feed_->add_event(SessionChange::Kind::expired, record, expiry(record));
  }
  end(index);
}

void LedgerShard::note_stay(const Record& record) const {
  const Place place = record.place();
  if (place.state != State::live || displaced(record)) return;
  const std::size_t step =
      TimeScale::step_of(Millis{record.last_ms.load() - record.created_ms.load()});
  slots_[place.node].stays[step].fetch_add(1, std::memory_order_relaxed);
}

void LedgerShard::unlink(Index index) {
  const Record& record = at(index);
  unschedule(index);
  if (record.place().state == State::pending) pending_remove(index);
  Index* link = &head(record);
  while (*link != index) link = &at(*link).next_same_hash;
  *link = record.next_same_hash;
  if (record.place().state != State::alias) --header_->count;
}

void LedgerShard::link(Index index) {
  Record& record = at(index);
  record.next_same_hash = std::exchange(head(record), index);
  if (record.place().state != State::alias) ++header_->count;
  schedule(index, expiry(record));
}

void LedgerShard::free_record(Index index) {
  Record& record = at(index);
  record.put(Place{});
  record.next_same_hash = std::exchange(header_->free, index);
}

LedgerShard::Index LedgerShard::make_room(std::int64_t now_ms) {
  for (int room = 0; room < kMaxEvictions && header_->count >= share_; ++room) {
    if (!evict(now_ms)) break;
  }
  const Index index = allocate();
  if (index != 0 || !evict(now_ms)) return index;
  return allocate();
}

LedgerShard::Index LedgerShard::allocate() {
  if (header_->free != 0) {
    return std::exchange(header_->free, at(header_->free).next_same_hash);
  }
  const Index used = header_->used.load();
  if (used == header_->ready && !grow()) return 0;
  // Stored first, so that a kill in between leaves a free record and no damaged one.
  at(used + 1).put(Place{});
  header_->used.store(used + 1);
  return used + 1;
}

bool LedgerShard::grow() {
  const std::size_t from = header_->ready * sizeof(Record);
  const std::size_t to = std::min(from + kGrowBytes, room_ * sizeof(Record));
  if (to - from < sizeof(Record)) return false;
  if (!file_->reserve(records_at_ + from, to - from)) {
    ++refused_;
    return false;
  }
  header_->ready = static_cast<Index>(to / sizeof(Record));
  return true;
}

/// Makes room by ending the oldest pending session, or else the one that would expire first.
bool LedgerShard::evict(std::int64_t now_ms) {
  std::size_t looks = kEvictLook;
  for (Index index = header_->pending_oldest; index != 0 && looks-- > 0;
       index = at(index).pending_next) {
    if (holders(at(index)) > 0) continue;
    evict(index, now_ms);
    return true;
  }
  const Index index = soonest_to_end();
  if (index != 0) evict(index, now_ms);
  return index != 0;
}

/// The one that expires first of those that the wheel would check first; 0: all are held.
LedgerShard::Index LedgerShard::soonest_to_end() const {
  Index soonest = 0;
  std::size_t looks = kEvictLook;
  for (std::int64_t tick = header_->tick; tick < header_->tick + kWheelSlots; ++tick) {
    for (Index index = wheel_[wheel_slot(tick)].first; index != 0; index = at(index).wheel_next) {
      if (looks-- == 0) return soonest;
      if (holders(at(index)) > 0) continue;
      if (soonest == 0 || expiry(at(index)) < expiry(at(soonest))) soonest = index;
    }
  }
  return soonest;
}

void LedgerShard::evict(Index index, std::int64_t now_ms) {
  note_eviction(at(index).place().node, now_ms);
  end(index);
}

void LedgerShard::note_eviction(NodeSlot node, std::int64_t now_ms) {
  // Noted before the eviction, so that after a kill in between the counts do not pass for complete.
  slots_[node].evicted_ms.store(now_ms);
  ++header_->evicted;
}

void LedgerShard::schedule(Index index, std::int64_t due_ms) {
  Record& record = at(index);
  if (feed_ != nullptr) due_ms = std::min(due_ms, look_ms(record));
  const std::int64_t tick =
      std::clamp(tick_of(due_ms), header_->tick + 1, header_->tick + kWheelSlots - 1);
  record.due_tick = static_cast<std::uint32_t>(tick);
  WheelSlot& list = wheel_[wheel_slot(tick)];
  record.wheel_previous = list.last;
  record.wheel_next = 0;
  (list.last != 0 ? at(list.last).wheel_next : list.first) = index;
  list.last = index;
}

void LedgerShard::unschedule(Index index) {
  const Record& record = at(index);
  WheelSlot& list = wheel_[wheel_slot(record.due_tick)];
  (record.wheel_next != 0 ? at(record.wheel_next).wheel_previous : list.last) =
      record.wheel_previous;
  (record.wheel_previous != 0 ? at(record.wheel_previous).wheel_next : list.first) =
      record.wheel_next;
}

/// The wheel itself reschedules a record that has become due later; one that has become due earlier
/// must be moved.
void LedgerShard::schedule_earlier(Index index) {
  std::int64_t due = expiry(at(index));
  if (feed_ != nullptr) due = std::min(due, look_ms(at(index)));
  // Ticks are stored in 32 bits, which wrap around after 13 years.
  const std::int64_t tick = std::min(tick_of(due), header_->tick + kWheelSlots - 1);
  const auto later =
      static_cast<std::int32_t>(static_cast<std::uint32_t>(tick) - at(index).due_tick);
  if (later >= 0) return;
  unschedule(index);
  schedule(index, due);
}

void LedgerShard::pending_push(Index index) {
  Record& record = at(index);
  record.pending_previous = header_->pending_newest;
  record.pending_next = 0;
  (header_->pending_newest != 0 ? at(header_->pending_newest).pending_next
                                : header_->pending_oldest) = index;
  header_->pending_newest = index;
}

void LedgerShard::pending_remove(Index index) {
  const Record& record = at(index);
  (record.pending_next != 0 ? at(record.pending_next).pending_previous : header_->pending_newest) =
      record.pending_previous;
  (record.pending_previous != 0 ? at(record.pending_previous).pending_next
                                : header_->pending_oldest) = record.pending_next;
}

}  // namespace bonedry::session
