// How a ledger starts: created, taken over from a process that has ended, shared, or resized.

#include "proxy/base/file.h"
#include "proxy/base/utc.h"
#include "session/mapped_ledger.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <utility>

namespace bonedry::session {

using layout::Record;
using layout::Slot;

namespace {

/// A value that differs after each reboot, when Instants start again. 0 if it is not available.
std::uint64_t this_boot() {
  const Result<std::string> id = read_file("/proc/sys/kernel/random/boot_id");
  return id ? std::hash<std::string>{}(*id) : 0;
}

/// Moves a file out of the way. It is never deleted: somebody may want to examine it.
Result<std::string> set_aside(const std::string& path, WallTime now) {
  const std::tm date = to_utc(now).date;
  std::array<char, 32> stamp{};
  std::strftime(stamp.data(), stamp.size(), "%Y%m%dT%H%M%SZ", &date);
  std::string aside = path + "." + stamp.data();
  for (int more = 1; ::access(aside.c_str(), F_OK) == 0; ++more) {
    aside = path + "." + stamp.data() + "-" + std::to_string(more);
  }
  if (std::rename(path.c_str(), aside.c_str()) != 0) {
    return Failure{"cannot move " + path + " aside: " + errno_text(errno)};
  }
  return aside;
}

/// Where the copy with another capacity is created.
std::string copy_of(const std::string& path) {
  return path + ".new";
}

bool knows_one_of(const layout::HeaderFacts& facts, const Secrets& secrets) {
  return std::ranges::any_of(secrets.all, [&facts](const std::string& secret) {
    const std::uint64_t id = secret_id(secret);
    return id == facts.secret || id == facts.secret_before;
  });
}

void note_secret(layout::Header& header, const Secrets& secrets) {
  const std::uint64_t id = secret_id(secrets.all.front());
  layout::HeaderFacts facts = *header.facts;
  if (facts.secret == id) return;
  facts.secret_before = facts.secret;
  facts.secret = id;
  header.facts.put(facts);
}

/// How many slots are in use, for when the count is damaged: slots beyond were never written.
std::uint32_t count_slots(const Slot* slots) {
  std::uint32_t count = 0;
  while (count < layout::kMaxSlots && slots[count].facts.intact() != nullptr) ++count;
  return count;
}

/// Repairs what is kept in two copies. Returns what in the header or in a slot is damaged beyond
/// that; empty: nothing.
std::string repair_copies(const LedgerFile& file) {
  constexpr std::int64_t kLatest = std::int64_t{1} << 46U;  // in milliseconds: 2,000 years
  layout::Header& header = file.header();
  if (!header.facts.repair()) return "its header is damaged";
  const auto possible = [](std::int64_t ms) { return ms >= 0 && ms <= kLatest; };
  const layout::HeaderFacts& facts = *header.facts;
  const bool times = header.seen_ms.intact() && header.seen_wall.intact() &&
                     possible(header.seen_ms.load()) && possible(header.seen_wall.load()) &&
                     possible(facts.incomplete_since_ms) && facts.offset_ms >= -kLatest &&
                     facts.offset_ms <= kLatest;
  if (!times) return "its timestamps are damaged";
  auto* const slots = file.at<Slot>(LedgerPlan::slots_at());
  if (!header.slots_used.intact()) header.slots_used.store(count_slots(slots));
  if (header.slots_used.load() > layout::kMaxSlots) return "its node table is damaged";
  for (std::uint32_t slot = 0; slot < header.slots_used.load(); ++slot) {
    if (!slots[slot].facts.repair()) return "its node table is damaged";
  }
  return "";
}

/// Describes for the operator what was dropped.
std::string describe(const RecordLoss& loss) {
  if (loss.records == 0) return "";
  return std::to_string(loss.records) + (loss.records == 1 ? " record was" : " records were") +
         " damaged and dropped";
}

}  // namespace

Result<MappedLedger::Start> MappedLedger::open(const std::string& path, std::size_t capacity,
                                               const Secrets& secrets, const Clock& clock) {
  // A copy left by a process that was killed: the ledger itself still has all sessions.
  ::unlink(copy_of(path).c_str());
  Result<std::optional<LedgerFile::Found>> found = LedgerFile::find(path);
  if (!found) return Failure{found.error()};
  if (!*found) return make(path, capacity, secrets, clock);
  LedgerFile::Found& there = **found;
  std::string refusal = std::move(there.refusal);
  if (there.file) refusal = repair_copies(*there.file);
  if (refusal.empty() && !knows_one_of(*there.file->header().facts, secrets)) {
    refusal = "it belongs to a different secret";
  }
  if (!refusal.empty()) {
    const Result<std::string> aside = set_aside(path, clock.wall());
    if (!aside) return Failure{aside.error()};
    Result<Start> start = make(path, capacity, secrets, clock);
    if (start) start->set_aside = refusal + "; moved to " + *aside;
    return start;
  }
  const std::optional<std::size_t> process = there.file->join();
  if (!process) return Failure{"two processes are already using " + path};
  const bool shared = there.file->has_other_process();
  std::unique_ptr<MappedLedger> ledger(new MappedLedger(std::move(*there.file), *process, &clock));
  note_secret(ledger->header_, secrets);
  if (shared) {
    ledger->join_other_process();
    return Start{std::move(ledger), Source::shared, "", ""};
  }
  const LastUse last_use = ledger->last_use();
  const std::string damage = describe(ledger->repair());
  Result<Start> start = Start{std::move(ledger), Source::restored, "", ""};
  if (start->ledger->file_.plan().capacity() != capacity) {
    start = resize(std::move(start->ledger), path, capacity, clock);
  }
  if (start) {
    start->damage = damage;
    start->last_use = last_use;
  }
  return start;
}

Result<MappedLedger::Start> MappedLedger::share(const std::string& path, const Secrets& secrets,
                                                const Clock& clock) {
  const Failure<std::string> nobody{"no other process is using " + path};
  Result<std::optional<LedgerFile::Found>> found = LedgerFile::find(path);
  if (!found) return Failure{found.error()};
  if (!*found) return nobody;
  LedgerFile::Found& there = **found;
  // The file may have been damaged since that process started, which no longer checks it.
  const std::string refusal = there.file ? repair_copies(*there.file) : there.refusal;
  if (!refusal.empty()) return Failure{"cannot share " + path + ": " + refusal};
  // Both processes must derive the same keys from an application's cookie.
  if (there.file->header().facts->secret != secret_id(secrets.all.front())) {
    return Failure{"cannot share " + path + ": the ledger belongs to a different secret"};
  }
  const std::optional<std::size_t> process = there.file->join();
  if (!process) return Failure{"two processes are already using " + path};
  if (!there.file->has_other_process()) return nobody;
  std::unique_ptr<MappedLedger> ledger(new MappedLedger(std::move(*there.file), *process, &clock));
  ledger->join_other_process();
  return Start{std::move(ledger), Source::shared, "", ""};
}

Result<MappedLedger::Start> MappedLedger::make(const std::string& path, std::size_t capacity,
                                               const Secrets& secrets, const Clock& clock) {
  Result<LedgerFile> file = LedgerFile::make(path, LedgerPlan(capacity));
  if (!file) return Failure{file.error()};
  const std::optional<std::size_t> process = file->join();
  if (!process) return Failure{"two processes are already using " + path};
  std::unique_ptr<MappedLedger> ledger(new MappedLedger(std::move(*file), *process, &clock));
  ledger->format(clock.now(), secret_id(secrets.all.front()));
  // A secret generated just now has sealed nothing: no cookie can come that the ledger misses.
  if (secrets.age == SecretAge::existing) ledger->begin_incomplete(clock.now());
  return Start{std::move(ledger), Source::created, "", ""};
}

Result<MappedLedger::Start> MappedLedger::resize(std::unique_ptr<MappedLedger> old,
                                                 const std::string& path, std::size_t capacity,
                                                 const Clock& clock) {
  const std::string beside = copy_of(path);
  Result<LedgerFile> file = LedgerFile::make(beside, LedgerPlan(capacity));
  if (!file) return Failure{file.error()};
  const std::optional<std::size_t> process = file->join();
  if (!process) return Failure{"two processes are already using " + beside};
  std::unique_ptr<MappedLedger> ledger(new MappedLedger(std::move(*file), *process, &clock));
  ledger->format(clock.now(), old->header_.facts->secret);
  if (!ledger->copy_from(*old)) {
    ::unlink(beside.c_str());
    return Failure{"cannot allocate disk space for " + beside};
  }
  ledger->file_.sync();
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    return Failure{"cannot replace " + path + ": " + errno_text(errno)};
  }
  old->file_state_ =
      FileState::replaced;  // if a power cut brings it back, it must not look complete
  const Result<> named = sync_directory_of(path);
  if (!named) return Failure{named.error()};
  return Start{std::move(ledger), Source::resized, "", ""};
}

void MappedLedger::format(Instant now, std::uint64_t secret) {
  header_.seen_ms.store(now.ms);
  header_.seen_wall.store(clock_ != nullptr ? clock_->wall().ms : 0);
  header_.slots_used.store(0);
  for (layout::RedundantWord& read_until_ms : header_.read_until_ms)
    read_until_ms.store(layout::kServesNobody);
  RobustLock::make(header_.mutex);
  for (LedgerShard& shard : shards_) {
    shard.reset_lock();
    shard.start(now.ms);
  }
  header_.facts.put({.magic = layout::kMagic,
                     .version = layout::kVersion,
                     .record_size = sizeof(Record),
                     .capacity = file_.plan().capacity(),
                     .boot = this_boot(),
                     .offset_ms = 0,
                     .incomplete_since_ms = 0,
                     .secret = secret,
                     .secret_before = 0});
}

/// Whether the machine has been up since the ledger was last seen. If the boot id is not available
/// (a service manager may hide it), the clocks decide: while the machine is up, the wall clock and
/// the monotonic clock advance alike, and a reboot resets the latter.
bool MappedLedger::same_boot(std::uint64_t boot) const {
  constexpr std::int64_t kDrift = 2'000;  // in milliseconds: far below what a reboot takes
  const layout::HeaderFacts& facts = *header_.facts;
  if (boot != 0 && facts.boot != 0) return boot == facts.boot;
  const std::int64_t up = clock_->now().ms + facts.offset_ms - header_.seen_ms.load();
  const std::int64_t away = clock_->wall().ms - header_.seen_wall.load();
  return up >= 0 && std::abs(away - up) <= kDrift;
}

LastUse MappedLedger::last_use() const {
  LastUse last{{header_.seen_wall.load()}, std::nullopt};
  const std::int64_t seen_ms = header_.seen_ms.load();
  if (same_boot(this_boot())) last.at = Instant{seen_ms - header_.facts->offset_ms};
  return last;
}

void MappedLedger::continue_time() {
  const std::uint64_t boot = this_boot();
  layout::HeaderFacts facts = *header_.facts;
  offset_ms_ = facts.offset_ms;
  if (same_boot(boot)) return;
  const std::int64_t away = std::max<std::int64_t>(clock_->wall().ms - header_.seen_wall.load(),
                                                   0);  // the wall clock may have been set back
  offset_ms_ = header_.seen_ms.load() + away - clock_->now().ms;
  facts.boot = boot;
  facts.offset_ms = offset_ms_;
  // Only what was written to the disk in time has survived.
  if (header_.synced.load() != layout::kSynced) {
    facts.incomplete_since_ms = ledger_ms(clock_->now());
  }
  header_.facts.put(facts);
}

RecordLoss MappedLedger::repair() {
  const std::int64_t alive_until_ms = header_.seen_ms.load();
  continue_time();
  header_.synced.store(0);
  file_.sync_header();  // or a power cut would leave the mark of an earlier clean end
  RobustLock::make(header_.mutex);
  for (std::size_t process = 0; process < layout::kProcesses; ++process) {
    forget_traffic_of(process);
    header_.read_until_ms[process].store(layout::kServesNobody);
  }
  const std::int64_t now_ms = ledger_ms(clock_->now());
  for (NodeSlot slot = 0; slot < header_.slots_used.load(); ++slot) {
    auto& evicted_ms = slots_[slot].evicted_ms;
    // A session may have been evicted just before.
    if (!evicted_ms.intact()) evicted_ms.store(now_ms);
  }
  RecordLoss loss;
  for (LedgerShard& shard : shards_) {
    shard.reset_lock();
    shard.restore(alive_until_ms, now_ms, loss);
  }
  recount();
  return loss;
}

void MappedLedger::join_other_process() {
  offset_ms_ = header_.facts->offset_ms;
  other_process_ = OtherProcess::seen;
  header_.read_until_ms[process_].store(layout::kServesNobody);  // not what an earlier process left
  read_other_process();
  joined_ = ++header_.joined;
  header_.synced.store(0);
  forget_traffic_of(process_);
  for (LedgerShard& shard : shards_) {  // holds of a third process that came and went unnoticed
    const RobustLock lock = shard.lock();
    shard.release_all_of(process_, header_.seen_ms.load());
  }
}

bool MappedLedger::copy_from(const MappedLedger& old) {
  const NodeSlot used = old.header_.slots_used.load();
  if (!file_.reserve(LedgerPlan::slots_at(), used * sizeof(Slot))) return false;
  for (NodeSlot slot = 0; slot < used; ++slot) copy_slot(old.slots_[slot], slots_[slot]);
  header_.slots_used.store(used);
  offset_ms_ = old.offset_ms_;
  layout::HeaderFacts facts = *header_.facts;
  facts.offset_ms = old.offset_ms_;
  facts.incomplete_since_ms = old.header_.facts->incomplete_since_ms;
  facts.secret_before = old.header_.facts->secret_before;
  header_.facts.put(facts);
  const std::int64_t now_ms = ledger_ms(clock_->now());
  header_.seen_ms.store(now_ms);
  for (LedgerShard& shard : shards_) shard.start(now_ms);
  copy_sessions(old, now_ms);
  copy_aliases(old, now_ms);
  for (LedgerShard& shard : shards_) shard.rebuild(now_ms);
  recount();
  return true;
}

void MappedLedger::copy_slot(const Slot& from, Slot& to) {
  to.facts.put(*from.facts);
  to.evicted_ms.store(from.evicted_ms.load());
  for (std::size_t step = 0; step < from.stays.size(); ++step) {
    to.stays[step].store(from.stays[step].load());
  }
}

void MappedLedger::copy_sessions(const MappedLedger& old, std::int64_t now_ms) {
  const auto copy = [this, now_ms](const Record& record) {
    shards_[number_of({record.key_high, record.key_low})].copy(record, now_ms);
  };
  std::vector<const Record*> pending;
  for (const LedgerShard& shard : old.shards_) {
    shard.each([&](const Record& record) {
      record.place().state == layout::State::live ? copy(record) : pending.push_back(&record);
    });
  }
  std::ranges::sort(pending, std::greater{},
                    [](const Record* record) { return record->created_ms.load(); });
  for (const Record* const record : pending) copy(*record);
}

std::optional<Instant> MappedLedger::incomplete_since() const {
  const std::int64_t since_ms = header_.facts->incomplete_since_ms;
  if (since_ms == 0) return std::nullopt;
  return instant(since_ms);
}

void MappedLedger::begin_incomplete(Instant now) {
  layout::HeaderFacts facts = *header_.facts;
  facts.incomplete_since_ms = ledger_ms(now);
  header_.facts.put(facts);
}

}  // namespace bonedry::session
