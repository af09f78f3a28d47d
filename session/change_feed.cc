#include "session/change_feed.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

namespace bonedry::session {
namespace {

// Room for events that is kept while there are none: more than happen between two collections.
constexpr std::size_t kKeptEvents = 4096;

}  // namespace

void ChangeEvents::add(const SessionChange& event) {
  const std::lock_guard lock(mutex_);
  if (events_.size() - first_ >= max_) return note_loss();
  if (events_.size() == events_.capacity() && first_ > events_.size() / 2) {
    const auto taken = static_cast<std::ptrdiff_t>(std::exchange(first_, 0));
    events_.erase(events_.begin(), events_.begin() + taken);
  }
  events_.push_back(event);
}

ChangeEvents::Rest ChangeEvents::take(std::vector<SessionChange>& out, std::size_t max) {
  const std::lock_guard lock(mutex_);
  const std::size_t taken = std::min(max, events_.size() - first_);
  const auto from = events_.begin() + static_cast<std::ptrdiff_t>(first_);
  out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(taken));
  first_ += taken;
  if (first_ < events_.size()) return Rest::more;
  first_ = 0;
  events_.clear();
  if (events_.capacity() > kKeptEvents) events_ = {};
  return Rest::none;
}

ChangeFeed::ChangeFeed(std::size_t records, std::int64_t offset_ms, const Clock& clock,
                       ChangeEvents& events)
    : times_(clock.now().ms + offset_ms),
      offset_ms_(offset_ms),
      clock_(&clock),
      events_(&events),
      notes_(static_cast<Note*>(std::calloc(records, sizeof(Note)))) {
  if (!notes_) throw std::bad_alloc();
}

std::int64_t ChangeFeed::tell(Index index, const Record& record, std::int64_t end_ms) {
  const std::uint32_t tick = times_.up(end_ms);
  note_of(index, record).told = tick;
  return times_.ms(tick);
}

void ChangeFeed::take_over(Index index, const Record& record, std::int64_t end_ms, ChangeFeed& from,
                           Index before_index, const Record& before) {
  const Note was = from.note_of(before_index, before);
  Note& is = note_of(index, record);
  is.told = std::max(is.told, was.told);
  const bool later = is.told != 0 && end_ms > times_.ms(is.told);
  if (later || was.next != 0) list(index, is);
}

std::int64_t ChangeFeed::placed_ms(Index index, const Record& record) {
  const std::uint32_t placed = note_of(index, record).placed;
  const std::int64_t created_ms = record.created_ms.load();
  return placed == 0 ? created_ms : std::max(times_.ms(placed), created_ms);
}

void ChangeFeed::put_placed(Index index, const Record& record, std::int64_t placed_ms) {
  const bool moved = placed_ms > record.created_ms.load();
  note_of(index, record).placed = moved ? times_.down(placed_ms) : 0;
}

std::strong_ordering ChangeFeed::compare_placed(Index index, const Record& record,
                                                std::int64_t placed_ms) {
  return times_.down(this->placed_ms(index, record)) <=> times_.down(placed_ms);
}

void ChangeFeed::move(Index index, const Record& record) {
  const std::uint32_t before = times_.down(placed_ms(index, record));
  note_of(index, record).placed = std::max(times_.down(now_ms()), std::max(before, before + 1));
  change(index, record);
}

SessionChange ChangeFeed::describe(SessionChange::Kind kind, const Record& record) const {
  const layout::Place place = record.place();
  SessionChange change;
  change.kind = kind;
  change.key = {record.key_high, record.key_low};
  change.node = place.node;
  change.state = place.state == layout::State::pending ? SessionState::pending : SessionState::live;
  change.created = instant(record.created_ms.load());
  change.placed = change.created;
  return change;
}

void ChangeFeed::add_event(SessionChange::Kind kind, const Record& record, std::int64_t at_ms,
                           const SessionKey& other) {
  SessionChange event = describe(kind, record);
  event.other = other;
  event.ends = instant(at_ms);
  events_->add(event);
}

ChangeFeed::Index ChangeFeed::take_changed() {
  if (first_ == kLast) return 0;
  const Index index = first_;
  first_ = std::exchange(note(index).next, 0);
  if (first_ == kLast) last_ = kLast;
  return index;
}

void ChangeFeed::list(Index index, Note& note) {
  if (note.next != 0) return;
  note.next = kLast;
  (last_ == kLast ? first_ : this->note(last_).next) = index;
  last_ = index;
}

}  // namespace bonedry::session
