// How a shard is put right: after all processes have ended, or after one was killed.

#include "proxy/base/duration.h"
#include "session/change_feed.h"
#include "session/ledger_shard.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace bonedry::session {

using layout::kTickMs;
using layout::kWheelSlots;
using layout::Place;
using layout::State;
using layout::WheelSlot;

void LedgerShard::repair() {
  ledger_->recount.store(1);  // later, by a thread that may take all locks
  for (Index index = 1; index <= header_->used.load(); ++index) {
    forget(at(index), header_->owner, ledger_->seen_ms.load());
  }
  rebuild(header_->tick * kTickMs);
  if (feed_ != nullptr) feed_->note_loss();
}

void LedgerShard::restore(std::int64_t alive_until_ms, std::int64_t now_ms, RecordLoss& loss) {
  const bool known = header_->used.intact() && header_->used.load() <= room_;
  if (!known) header_->used.store(last_written());
  header_->ready = header_->used.load();  // disk space beyond them is requested again
  header_->evicted = 0;                   // counted for each run
  file_->read_ahead(records_at_, header_->used.load() * sizeof(Record));
  for (Index index = 1; index <= header_->used.load(); ++index) {
    Record& record = at(index);
    validate(record, now_ms, loss);
    if (!record.last_ms.intact()) record.last_ms.store(now_ms);
    for (std::size_t process = 0; process < layout::kProcesses; ++process) {
      forget(record, process, alive_until_ms);
    }
    bound_times(record, now_ms);
  }
  rebuild(now_ms);
}

/// Drops a record that cannot be trusted. Its user is taken back in by the cookie for as long as
/// the loss is remembered, so the loss is noted first: this process may be killed at any point.
void LedgerShard::validate(Record& record, std::int64_t now_ms, RecordLoss& loss) const {
  const Place place = record.place();
  const bool placed = record.packed_place.intact() && place.state <= State::alias &&
                      place.node < ledger_->slots_used.load();
  if (placed && (place.state == State::free || place.state == State::ended)) return;
  if (placed && record.identity_intact()) return;
  ++loss.records;
  if (placed) {
    slots_[place.node].evicted_ms.store(now_ms);
  } else if (std::exchange(loss.where, RecordLoss::Where::unknown) == RecordLoss::Where::known) {
    note_loss_anywhere(now_ms);
  }
  record.put(Place{});
}

void LedgerShard::note_loss_anywhere(std::int64_t now_ms) const {
  layout::HeaderFacts facts = *ledger_->facts;
  facts.incomplete_since_ms = now_ms;
  ledger_->facts.put(facts);
}

void LedgerShard::bound_times(Record& record, std::int64_t now_ms) {
  const std::int64_t longest = kMaxDuration.count();
  const std::int64_t last = std::clamp(record.last_ms.load(), now_ms - longest, now_ms);
  // In its grace period, the last use of an alias may be before its session began: see
  // `retire_alias`. Its creation time must stay the same as the session's.
  const bool retired = record.place().state == State::alias;
  const std::int64_t created =
      std::clamp(record.created_ms.load(), last - longest, retired ? now_ms : last);
  if (last != record.last_ms.load()) record.last_ms.store(last);
  if (created != record.created_ms.load()) record.put_created(created);
}

/// The index of the last record, for when the count is damaged: everything beyond is zero.
LedgerShard::Index LedgerShard::last_written() const {
  constexpr std::array<std::byte, sizeof(Record)> kZeros{};
  auto index = static_cast<Index>(room_);
  while (index > 0 && std::memcmp(records_ + index - 1, kZeros.data(), sizeof(Record)) == 0) {
    --index;
  }
  return index;
}

void LedgerShard::forget(Record& record, std::size_t process, std::int64_t alive_until_ms) {
  if (record.open[process].value() == 0 && record.open[process].intact()) return;
  // Stored first, so that a kill in between loses nothing.
  record.last_ms.store(std::max(record.last_ms.load(), alive_until_ms));
  record.open[process].put(0);
  record.tunnels[process] = 0;
}

void LedgerShard::clear() {
  std::fill_n(buckets_, mask_ + 1, 0);
  std::fill_n(wheel_, kWheelSlots, WheelSlot{0, 0});
  header_->free = 0;
  header_->pending_oldest = 0;
  header_->pending_newest = 0;
  header_->count = 0;
}

void LedgerShard::rebuild(std::int64_t now_ms) {
  clear();
  header_->tick = now_ms / kTickMs;
  std::vector<Index> pending;
  for (Index index = header_->used.load(); index > 0; --index) adopt(index, pending);
  std::ranges::sort(pending, {}, [this](Index index) { return at(index).created_ms.load(); });
  for (const Index index : pending) pending_push(index);
}

/// Puts a record where its place says that it belongs, whatever its other fields say.
void LedgerShard::adopt(Index index, std::vector<Index>& pending) {
  Record& record = at(index);
  const Place place = record.place();
  const bool findable = is_session(place) || place.state == State::alias;
  if (!findable || place.node >= ledger_->slots_used.load()) {
    if (place.state == State::ended && holders(record) > 0) return;
    return free_record(index);
  }
  link(index);
  if (place.state == State::pending) pending.push_back(index);
}

void LedgerShard::release_all_of(std::size_t process, std::int64_t alive_until_ms) {
  for (Index index = 1; index <= header_->used.load(); ++index) {
    Record& record = at(index);
    if (record.open[process].value() == 0) continue;
    forget(record, process, alive_until_ms);
    end_if_unheld(index);
  }
  if (feed_ != nullptr) feed_->note_loss();  // what that process had not told yet
}

}  // namespace bonedry::session
