// What a shard does for the other members of the cluster.

#include "session/change_feed.h"
#include "session/ledger_shard.h"

#include <algorithm>

namespace bonedry::session {

using layout::Place;
using layout::State;

namespace {

// A use that moves the end by less is not told: a twentieth of the idle time-out, at most 30 s.
constexpr std::int64_t kSlackParts = 20;
constexpr std::int64_t kMaxSlackMs = 30'000;
// A held session is told again after a third of the time for which it was told.
constexpr std::int64_t kLooks = 3;

}  // namespace

void LedgerShard::attach(ChangeFeed* feed) {
  feed_ = feed;
  if (feed == nullptr) return;
  for (Index index = 1; index <= header_->used.load(); ++index) {
    if (is_session(at(index).place())) schedule_earlier(index);
  }
}

void LedgerShard::tell_use(Index index) {
  const Record& record = at(index);
  if (record.place().state == State::ended) return;
  feed_->touch(index, record, end_ms(record, record.last_ms.load()));
}

std::int64_t LedgerShard::end_ms(const Record& record, std::int64_t now_ms) const {
  if (holders(record) == 0) return expiry(record);
  return std::max(record.last_ms.load(), now_ms) + timeout_ms(record.place());
}

std::int64_t LedgerShard::slack_ms(NodeSlot node) const {
  return std::min(slots_[node].facts->idle_ms / kSlackParts, kMaxSlackMs);
}

std::int64_t LedgerShard::look_ms(const Record& record) const {
  return header_->tick * layout::kTickMs + timeout_ms(record.place()) / kLooks;
}

void LedgerShard::pin(Index index) {
  Record& record = at(index);
  record.open[process_].put(record.open[process_].value() + 1);
}

void LedgerShard::unpin(Index index) {
  Record& record = at(index);
  record.open[process_].put(record.open[process_].value() - 1);
  end_if_unheld(index);
}

void LedgerShard::put_last(Index index, std::int64_t last_ms) {
  at(index).last_ms.store(last_ms);
  schedule_earlier(index);
}

void LedgerShard::end_remote(Index index) {
  end_held(index);
  if (holders(at(index)) == 0) free_record(index);
}

}  // namespace bonedry::session
