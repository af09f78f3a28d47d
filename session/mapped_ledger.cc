#include "session/mapped_ledger.h"

#include <algorithm>
#include <utility>

namespace bonedry::session {

using layout::Header;
using layout::kMaxSlots;
using layout::Record;
using layout::Slot;
using layout::State;

namespace {

// Aliases tried for one value: each one of a session that is over is held by a request in progress.
constexpr int kMaxAliases = 8;
constexpr std::int64_t kLateMs = 1'000;     // a sweep later than this, of ten a second, is a stall
constexpr std::int64_t kCatchUpMs = 2'000;  // to read what came meanwhile: sockets hold little
constexpr std::size_t kStripe = 2048;       // records visited under one lock: some 50 us

bool has_open_exchanges(const balancer::NodeTraffic& traffic) {
  return traffic.exchanges_open.load() != 0 || traffic.pass_exchanges_open.load() != 0;
}

}  // namespace

MappedLedger::MappedLedger(LedgerFile file, std::size_t process, const Clock* clock)
    : file_(std::move(file)),
      process_(process),
      clock_(clock),
      header_(file_.header()),
      slots_(file_.at<Slot>(LedgerPlan::slots_at())),
      stripes_(file_.plan().room() / kStripe + 1) {
  for (std::size_t shard = 0; shard < file_.plan().shards(); ++shard) {
    shards_.emplace_back(file_, shard, process);
  }
}

MappedLedger::MappedLedger(std::size_t capacity, Instant now)
    : MappedLedger(LedgerFile(LedgerPlan(capacity)), 0, nullptr) {
  format(now, 0);
}

MappedLedger::~MappedLedger() {
  if (clock_ == nullptr || file_state_ == FileState::replaced || file_.has_other_process()) return;
  // A start that failed has served nobody, and must not make an old copy look current.
  if (swept_ms_.load() != kNotExpected) {
    header_.seen_ms.store(ledger_ms(clock_->now()));
    header_.seen_wall.store(clock_->wall().ms);
  }
  file_.sync();
  header_.synced.store(layout::kSynced);
  // Not if another process has joined meanwhile.
  if (header_.joined.load() != joined_) header_.synced.store(0);
  file_.sync_header();
}

std::uint32_t MappedLedger::number_of(const SessionKey& key) const {
  return static_cast<std::uint32_t>((key.high >> 32U) & (shards_.size() - 1));
}

std::vector<RobustLock> MappedLedger::lock_all() const {
  std::vector<RobustLock> locks;
  locks.reserve(shards_.size());
  for (LedgerShard& shard : shards_) locks.push_back(shard.lock());
  return locks;
}

Result<NodeSlot> MappedLedger::claim_slot(std::string_view node_key) {
  const std::lock_guard lock(names_mutex_);
  const auto known = names_.find(node_key);
  // The process that shares the file may have given the slot to another node since.
  if (known != names_.end() && name_of(known->second) == node_key) return known->second;
  RobustLock between_processes(header_.mutex);
  between_processes.recovered();  // a slot is created by one store, or not at all
  const std::optional<NodeSlot> found = find_slot(node_key);
  const Result<NodeSlot> slot = found ? Result<NodeSlot>(*found) : new_slot(node_key);
  if (slot) {
    names_.insert_or_assign(std::string(node_key), *slot);
    claimed_[*slot] = true;
  }
  return slot;
}

void MappedLedger::release_slot(NodeSlot slot) {
  const std::lock_guard lock(names_mutex_);
  const auto known = names_.find(name_of(slot));
  if (known != names_.end()) names_.erase(known);
  claimed_[slot] = false;
}

void MappedLedger::rename_slot(NodeSlot slot, std::string_view node_key) {
  const std::lock_guard lock(names_mutex_);
  const std::string before(name_of(slot));
  if (before == node_key || node_key.size() >= layout::kMaxName) return;
  RobustLock between_processes(header_.mutex);
  between_processes.recovered();  // each name is changed by one store, or not at all
  if (const auto other = find_slot(node_key)) put_name(*other, "");
  put_name(slot, node_key);
  names_.erase(before);
  names_.insert_or_assign(std::string(node_key), slot);
}

void MappedLedger::put_name(NodeSlot slot, std::string_view name) {
  layout::SlotFacts facts = *slots_[slot].facts;
  facts.name = {};
  std::ranges::copy(name, facts.name.begin());
  change(slot, facts);
}

std::optional<NodeSlot> MappedLedger::find_slot(std::string_view name) const {
  const std::uint32_t used = header_.slots_used.load();
  for (NodeSlot slot = 0; slot < used; ++slot) {
    if (name_of(slot) == name) return slot;
  }
  return std::nullopt;
}

Result<NodeSlot> MappedLedger::new_slot(std::string_view name) {
  const std::string what = "the ledger has no room for node " + std::string(name);
  if (name.size() >= layout::kMaxName) return Failure{what + ": its name is too long"};
  const NodeSlot next = header_.slots_used.load();
  const std::optional<NodeSlot> free = next < kMaxSlots ? next : unused_slot();
  if (!free) {
    return Failure{what + ": all " + std::to_string(kMaxSlots) +
                   " places are taken by nodes in the config or nodes that still have users"};
  }
  const NodeSlot slot = *free;
  const std::size_t at = LedgerPlan::slots_at() + slot * sizeof(Slot);
  if (!file_.reserve(at, sizeof(Slot))) return Failure{what + ": the disk is full"};
  slots_[slot].evicted_ms.store(0);
  for (auto& count : slots_[slot].stays) count.store(0);
  // Keeps generation and times, for displaced sessions.
  layout::SlotFacts facts = *slots_[slot].facts;
  facts.name = {};
  facts.address = {};
  std::ranges::copy(name, facts.name.begin());
  change(slot, facts);
  if (slot == next) header_.slots_used.store(next + 1);
  return slot;
}

std::string_view MappedLedger::name_of(NodeSlot slot) const {
  return slots_[slot].facts->name.data();
}

/// The slot of a node that is no longer configured and has no session left. While another process
/// shares the file, a slot with an address may belong to a node which that process routes to.
std::optional<NodeSlot> MappedLedger::unused_slot() {
  const bool shared = file_.has_other_process();
  for (std::size_t i = 0; i < kMaxSlots; ++i) {
    const auto slot = static_cast<NodeSlot>((reuse_from_ + i) % kMaxSlots);
    const Slot& entry = slots_[slot];
    const bool claimed = claimed_[slot] || (shared && entry.facts->address.front() != '\0');
    if (claimed || std::ranges::any_of(entry.traffic, has_open_exchanges) ||
        entry.counts.read().all() != 0) {
      continue;
    }
    reuse_from_ = slot + 1;
    return slot;
  }
  return std::nullopt;
}

void MappedLedger::set_times(NodeSlot slot, SessionTimes times) {
  if (!put_times(slot, times)) return;
  for (LedgerShard& shard : shards_) {
    const RobustLock lock = shard.lock();
    shard.schedule_all(slot);
  }
}

void MappedLedger::set_address(NodeSlot slot, std::string_view address) {
  layout::SlotFacts facts = *slots_[slot].facts;
  if (std::string_view(facts.address.data()) == address) return;
  facts.address = {};
  if (address.size() < facts.address.size()) std::ranges::copy(address, facts.address.begin());
  change(slot, facts);
}

void MappedLedger::change(NodeSlot slot, const layout::SlotFacts& facts) {
  const auto locks = lock_all();
  slots_[slot].facts.put(facts);
}

std::vector<LedgerNode> MappedLedger::nodes() const {
  std::vector<LedgerNode> all;
  const NodeSlot used = header_.slots_used.load();
  for (NodeSlot slot = 0; slot < used; ++slot) {
    all.push_back({slots_[slot].facts->name.data(), slot, slots_[slot].facts->address.data()});
  }
  return all;
}

bool MappedLedger::put_times(NodeSlot slot, SessionTimes times) {
  layout::SlotFacts facts = *slots_[slot].facts;
  const SessionTimes before{Millis{facts.idle_ms}, Millis{facts.pending_ms},
                            Millis{facts.lifetime_ms}};
  if (before == times) return false;
  facts.idle_ms = times.idle.count();
  facts.pending_ms = times.pending.count();
  facts.lifetime_ms = times.lifetime.count();
  change(slot, facts);
  return true;
}

const balancer::SessionCounts& MappedLedger::counts(NodeSlot slot) const {
  return slots_[slot].counts;
}

balancer::NodeTraffic& MappedLedger::traffic(NodeSlot slot) {
  return slots_[slot].traffic[process_];
}

const balancer::NodeTraffic& MappedLedger::traffic_of_other_process(NodeSlot slot) const {
  return slots_[slot].traffic[1 - process_];
}

void MappedLedger::forget_traffic_of(std::size_t process) {
  for (NodeSlot slot = 0; slot < header_.slots_used.load(); ++slot) {
    balancer::NodeTraffic& traffic = slots_[slot].traffic[process];
    traffic.exchanges_open.store(0);
    traffic.tunnels_open.store(0);
    traffic.connections_in_use.store(0);
    traffic.pass_exchanges_open.store(0);
  }
}

OpenedSession MappedLedger::hold(std::uint32_t shard, LedgerShard::Index index, Instant now) {
  shards_[shard].hold(index, ledger_ms(now));
  const Record& record = shards_[shard].at(index);
  return {{shard, index},
          record.place().node,
          shards_[shard].displaced(record),
          instant(record.created_ms.load()),
          DoneBy::another};
}

Ledger::Lookup MappedLedger::open(const SessionKey& key, CookieFingerprint fingerprint,
                                  Instant now) {
  const std::uint32_t number = number_of(key);
  LedgerShard& shard = shards_[number];
  const RobustLock lock = shard.lock();
  const LedgerShard::Index index = shard.find(key, expiry_now_ms(now));
  if (index == 0) return {std::nullopt, Miss::unknown};
  if (shard.at(index).check != fingerprint) return {std::nullopt, Miss::mismatch};
  shard.make_live(index);
  return {hold(number, index, now), Miss::unknown};
}

std::optional<OpenedSession> MappedLedger::open_verified(const SessionKey& key, Instant now) {
  const std::uint32_t number = number_of(key);
  LedgerShard& shard = shards_[number];
  LedgerShard::Index index = 0;
  {
    const RobustLock lock = shard.lock();
    index = shard.find(key, expiry_now_ms(now));
    if (index == 0) return std::nullopt;
    const Record& record = shard.at(index);
    if (record.place().state != layout::State::alias) {
      shard.make_live(index);
      OpenedSession session = hold(number, index, now);
      using Found = OpenedSession::Found;
      if (record.target().index != 0) session.found = Found::first_since_renewal;
      return session;
    }
  }
  // An alias of a session that is over exists for as long as a request holds it.
  for (int tries = 0; tries < kMaxAliases && index != 0; ++tries) {
    if (auto opened = open_alias(key, number, index, now)) return opened;
  }
  return std::nullopt;
}

OpenedSession MappedLedger::begin(const SessionKey& key, CookieFingerprint fingerprint,
                                  NodeSlot node, SessionState state, Instant created, Instant now) {
  if (const auto there = open_verified(key, now)) return *there;
  const std::uint32_t number = number_of(key);
  LedgerShard& shard = shards_[number];
  const RobustLock lock = shard.lock();
  if (const LedgerShard::Index found = shard.find(key, expiry_now_ms(now))) {
    // An alias here is of a session that is over; anything else was just begun by another thread.
    if (shard.at(found).place().state != layout::State::alias) {
      shard.make_live(found);
      return hold(number, found, now);
    }
  }
  const LedgerShard::Index made =
      shard.insert(key, fingerprint, node, state, ledger_ms(created), ledger_ms(now));
  if (made == 0) {  // begun, and evicted at once
    shard.note_eviction(node, ledger_ms(now));
    return {kUnrecorded, node, false, created, DoneBy::this_call};
  }
  OpenedSession session = hold(number, made, now);
  session.begun = DoneBy::this_call;
  return session;
}

MovedSession MappedLedger::move(SessionRef ref, NodeSlot from, NodeSlot to) {
  if (unrecorded(ref)) return {to, DoneBy::this_call};
  return with_session(ref, [from, to](LedgerShard& shard, LedgerShard::Index index) {
    return shard.move(index, from, to);
  });
}

void MappedLedger::set_cookie_fingerprint(SessionRef ref, CookieFingerprint fingerprint) {
  if (unrecorded(ref)) return;
  with_session(ref, [fingerprint](LedgerShard& shard, LedgerShard::Index index) {
    shard.at(index).check = fingerprint;
  });
}

std::uint16_t MappedLedger::cookie_tag(SessionRef ref) const {
  if (unrecorded(ref)) return 0;
  return with_session(ref, [](LedgerShard& shard, LedgerShard::Index index) {
    return static_cast<std::uint16_t>(shard.at(index).cookie_tag);
  });
}

void MappedLedger::tag_cookie(SessionRef ref, std::uint16_t tag) {
  if (unrecorded(ref)) return;
  with_session(ref, [tag](LedgerShard& shard, LedgerShard::Index index) {
    shard.at(index).cookie_tag = tag & 0xFFFU;
  });
}

void MappedLedger::end(SessionRef ref) {
  if (unrecorded(ref)) return;
  with_session(ref, [](LedgerShard& shard, LedgerShard::Index index) { shard.log_out(index); });
}

void MappedLedger::close(SessionRef ref, Instant now) {
  if (unrecorded(ref)) return note_lost_everywhere(now);
  // An exchange that holds an alias also holds all records that it leads to, see `take_over_holds`.
  for (;;) {
    LedgerShard& shard = shard_of(ref);
    const RobustLock lock = shard.lock();
    const Record& record = shard.at(ref.index);
    const bool leads_on = record.place().state == layout::State::alias;
    const SessionRef next = record.target();
    shard.release(ref.index, ledger_ms(now));
    if (!leads_on) return;
    ref = next;
  }
}

/// A user without a record has just been here, and may be on any node by now.
void MappedLedger::note_lost_everywhere(Instant now) {
  for (NodeSlot slot = 0; slot < header_.slots_used.load(); ++slot) {
    slots_[slot].evicted_ms.store(ledger_ms(now));
  }
}

std::uint64_t MappedLedger::displace(NodeSlot slot) {
  const auto locks = lock_all();
  layout::SlotFacts facts = *slots_[slot].facts;
  facts.generation = (facts.generation + 1) % layout::kGenerations;
  slots_[slot].facts.put(facts);
  return static_cast<std::uint64_t>(slots_[slot].counts.take_all().all());
}

bool MappedLedger::sweep(Instant now) {
  header_.seen_ms.store(ledger_ms(now));
  if (clock_ != nullptr) header_.seen_wall.store(clock_->wall().ms);
  watch_other_process();
  if (header_.recount.load() != 0) recount();
  if (catching_up(ledger_ms(now))) return false;
  const std::int64_t over_ms = expiry_now_ms(now);
  bool more = false;
  for (LedgerShard& shard : shards_) {
    const RobustLock lock = shard.lock();
    more = shard.sweep(over_ms) || more;
  }
  return more;
}

void MappedLedger::start_sweeping(Instant now) {
  last_sweep_ms_ = ledger_ms(now);
  swept_ms_.store(last_sweep_ms_);
  header_.read_until_ms[process_].store(last_sweep_ms_);
}

bool MappedLedger::catching_up(std::int64_t now_ms) {
  if (swept_ms_.load() == kNotExpected) return false;
  if (now_ms - std::exchange(last_sweep_ms_, now_ms) > kLateMs)
    catch_up_until_ms_ = now_ms + kCatchUpMs;
  if (now_ms < catch_up_until_ms_) return true;
  swept_ms_.store(now_ms);
  header_.read_until_ms[process_].store(now_ms);
  return false;
}

/// After a stall a worker may go on before the sweeping thread does: then the time of the last
/// sweep counts. What waits in the sockets of the other process arrived no earlier than the time up
/// to which that process has read.
std::int64_t MappedLedger::expiry_now_ms(Instant now) const {
  const std::int64_t now_ms = ledger_ms(now);
  const std::int64_t swept_ms = swept_ms_.load(std::memory_order_relaxed);
  const bool late = swept_ms != kNotExpected && now_ms - swept_ms > kLateMs;
  return std::min(late ? swept_ms : now_ms, other_read_until_ms_.load(std::memory_order_relaxed));
}

Instant MappedLedger::expiry_now(Instant now) const {
  return now - Millis{ledger_ms(now) - expiry_now_ms(now)};
}

/// When the other process is gone, however it ended, releases everything that it held.
void MappedLedger::watch_other_process() {
  const std::uint32_t joined = header_.joined.load();
  if (std::exchange(joined_, joined) != joined) other_process_ = OtherProcess::seen;
  if (other_process_ == OtherProcess::none) return;
  if (!file_.reserve_other_process()) return read_other_process();
  other_process_ = OtherProcess::none;
  other_read_until_ms_.store(kNoLimit);
  forget_traffic_of(1 - process_);
  for (LedgerShard& shard : shards_) {
    const RobustLock lock = shard.lock();
    shard.release_all_of(1 - process_, header_.seen_ms.load());
  }
  header_.synced.store(0);
  file_.free_other_process();
}

/// If the word is damaged, the previous value remains valid: it only ever grows.
void MappedLedger::read_other_process() {
  const layout::RedundantWord& read_until_ms = header_.read_until_ms[1 - process_];
  if (!read_until_ms.intact()) return;
  const std::int64_t ms = read_until_ms.load();
  other_read_until_ms_.store(ms == layout::kServesNobody ? kNoLimit : ms);
}

void MappedLedger::recount() {
  const auto locks = lock_all();
  header_.recount.store(0);
  std::vector<balancer::SessionCounts::Values> counted(header_.slots_used.load());
  for (const LedgerShard& shard : shards_) {
    shard.each([&](const Record& record) {
      if (shard.displaced(record)) return;
      balancer::SessionCounts::Values& figures = counted[record.place().node];
      ++(record.place().state == State::live ? figures.live : figures.pending);
    });
  }
  for (std::size_t slot = 0; slot < counted.size(); ++slot) slots_[slot].counts.put(counted[slot]);
}

void MappedLedger::open_tunnel(SessionRef ref) {
  if (unrecorded(ref)) return;
  with_session(ref, [this](LedgerShard& shard, LedgerShard::Index index) {
    ++shard.at(index).tunnels[process_];
  });
}

void MappedLedger::close_tunnel(SessionRef ref) {
  if (unrecorded(ref)) return;
  with_session(ref, [this](LedgerShard& shard, LedgerShard::Index index) {
    --shard.at(index).tunnels[process_];
  });
}

std::size_t MappedLedger::parts() const {
  return shards_.size() * stripes_;
}

void MappedLedger::for_each(
    std::size_t part, const std::function<void(NodeSlot, const SessionInfo&)>& callback) const {
  LedgerShard& shard = shards_[part / stripes_];
  const auto [first, last] = records_of(part);
  const RobustLock lock = shard.lock();
  shard.each(
      [&](const Record& record) {
        if (!shard.displaced(record)) callback(record.place().node, info(shard, record));
      },
      first, last);
}

std::pair<std::size_t, std::size_t> MappedLedger::records_of(std::size_t part) const {
  const std::size_t first = part % stripes_ * kStripe + 1;
  return {first, first + kStripe - 1};
}

SessionInfo MappedLedger::info(const LedgerShard& shard, const Record& record) const {
  const std::uint32_t open = LedgerShard::holders(record);
  return {{record.key_high, record.key_low},
          record.place().state == State::live ? SessionState::live : SessionState::pending,
          instant(record.created_ms.load()),
          instant(record.last_ms.load()),
          record.exchanges,
          open,
          static_cast<std::uint32_t>(record.tunnels[0] + record.tunnels[1]),
          open > 0 ? kNeverEnds : instant(shard.expiry(record))};
}

StayHistogram MappedLedger::stays(NodeSlot slot) const {
  StayHistogram histogram;
  for (std::size_t step = 0; step < histogram.counts.size(); ++step) {
    histogram.counts[step] = slots_[slot].stays[step].load(std::memory_order_relaxed);
  }
  return histogram;
}

std::optional<Instant> MappedLedger::last_eviction(NodeSlot slot) const {
  const std::int64_t ms = slots_[slot].evicted_ms.load();
  if (ms == 0) return std::nullopt;
  return instant(ms);
}

Ledger::Totals MappedLedger::totals() const {
  Totals totals{.capacity = file_.plan().capacity()};
  for (LedgerShard& shard : shards_) {
    const RobustLock lock = shard.lock();
    totals.sessions += shard.count();
    totals.evicted += shard.evicted();
    totals.refused += shard.refused();
  }
  return totals;
}

}  // namespace bonedry::session
