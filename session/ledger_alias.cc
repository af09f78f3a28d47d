// Sessions with several values: an application's cookie that was renewed, or that is set under more
// than one path. Only the record of the newest value is counted; the others refer to it.

#include "session/change_feed.h"
#include "session/mapped_ledger.h"

#include <algorithm>

namespace bonedry::session {

using layout::Place;
using layout::Record;
using layout::State;

namespace {

// The most aliases in a row that lead to a session. Each value that is renewed before it came back
// adds one, while requests with the first go on. No browser has more requests than that at a time.
constexpr int kMaxAliasChain = 1024;

}  // namespace

LedgerShard::Index LedgerShard::insert_alias(const SessionKey& key, const Record& session,
                                             SessionRef at, std::int64_t now_ms) {
  const Place place{session.place().generation, session.place().node, State::alias};
  const std::int64_t created_ms = session.created_ms.load();
  const Index index = make_room(now_ms);
  if (index == 0) {
    note_eviction(place.node, now_ms);
    return 0;
  }
  Record& record = this->at(index);
  record.put_identity(key.high, key.low, created_ms);
  record.put_target(at);
  record.put_shortcut(at);
  record.last_ms.store(now_ms);
  record.exchanges = 0;
  record.cookie_tag = 0;
  layout::clear_holds(record);
  record.put(place);
  link(index);
  if (feed_ != nullptr) feed_->begin(index, record);
  return index;
}

void LedgerShard::make_alias(Index index, SessionRef of) {
  Record& record = at(index);
  const Place place = record.place();
  const bool counted = counts(record);
  if (place.state == State::pending) pending_remove(index);
  record.put_target(of);
  record.put_shortcut(of);
  put_state(record, State::alias);
  --header_->count;
  if (counted) uncount(place);
  schedule_earlier(index);
}

void LedgerShard::touch_alias(Index index, std::int64_t now_ms) {
  Record& record = at(index);
  record.last_ms.store(std::max(record.last_ms.load(), now_ms));
  note_use(index);
}

void LedgerShard::retire_alias(Index index, std::int64_t until_ms) {
  Record& record = at(index);
  const std::int64_t idle_ms = slots_[record.place().node].facts->idle_ms;
  record.last_ms.store(std::min(record.last_ms.load(), until_ms - idle_ms));
  schedule_earlier(index);
}

void LedgerShard::drop_alias(Index index, SessionRef of) {
  const Record& record = at(index);
  const bool as_before = record.place().state == State::alias && record.shortcut() == of;
  if (as_before && holders(record) == 0) end(index);
}

LedgerShard::Index LedgerShard::copy_alias(const Record& alias, const Record& session,
                                           SessionRef at) {
  const Index index = allocate();
  if (index == 0) return 0;
  Record& copied = this->at(index);
  copied.put_identity(alias.key_high, alias.key_low, session.created_ms.load());
  copied.put_target(at);
  copied.put_shortcut(at);
  copied.last_ms.store(alias.last_ms.load());
  copied.exchanges = 0;
  copied.cookie_tag = 0;
  layout::clear_holds(copied);
  copied.put({session.place().generation, alias.place().node, State::alias});
  link(index);
  return index;
}

void LedgerShard::take_over_holds(Index index, const Record& from) {
  Record& record = at(index);
  for (std::size_t process = 0; process < layout::kProcesses; ++process) {
    record.open[process].put(record.open[process].value() + from.open[process].value());
    record.tunnels[process] =
        static_cast<std::uint16_t>(record.tunnels[process] + from.tunnels[process]);
  }
}

std::optional<OpenedSession> MappedLedger::open_target(SessionRef ref, std::int64_t created_ms,
                                                       Instant now) {
  for (int step = 0; step < kMaxAliasChain; ++step) {
    if (ref.shard >= shards_.size()) return std::nullopt;
    LedgerShard& shard = shards_[ref.shard];
    const RobustLock lock = shard.lock();
    const LedgerShard::Index index = shard.find_at(ref.index, created_ms, expiry_now_ms(now));
    if (index == 0) return std::nullopt;
    if (shard.at(index).place().state != State::alias) {
      shard.make_live(index);
      OpenedSession session = hold(ref.shard, index, now);
      session.found = OpenedSession::Found::by_other_value;
      return session;
    }
    shard.touch_alias(index, ledger_ms(now));
    ref = shard.at(index).shortcut();
  }
  return std::nullopt;
}

std::optional<OpenedSession> MappedLedger::open_alias(const SessionKey& key, std::uint32_t number,
                                                      LedgerShard::Index& index, Instant now) {
  LedgerShard& shard = shards_[number];
  const SessionRef alias{number, index};
  SessionRef target;
  std::int64_t created_ms = 0;
  {
    const RobustLock lock = shard.lock();
    index = 0;
    if (!shard.is_alias_of(alias.index, key)) return std::nullopt;  // changed since it was found
    shard.touch_alias(alias.index, ledger_ms(now));
    index = shard.next_alias(alias.index, expiry_now_ms(now));
    target = shard.at(alias.index).shortcut();
    created_ms = shard.at(alias.index).created_ms.load();
  }
  const std::optional<OpenedSession> opened = open_target(target, created_ms, now);
  if (opened) {
    shorten(alias, target, opened->ref);
  } else {
    const RobustLock lock = shard.lock();
    shard.drop_alias(alias.index, target);
  }
  return opened;
}

/// Saves a client that never accepts new values from following all of them each time. An exchange
/// that holds an alias also holds every record along the chain of `target`s, and releases them
/// along it: that chain is left unchanged while the alias is held.
void MappedLedger::shorten(SessionRef alias, SessionRef from, SessionRef to) {
  if (from == to) return;
  LedgerShard& shard = shard_of(alias);
  const RobustLock lock = shard.lock();
  Record& record = shard.at(alias.index);
  if (record.place().state != State::alias || record.shortcut() != from) return;
  record.put_shortcut(to);
  if (LedgerShard::holders(record) == 0) record.put_target(to);
}

void MappedLedger::alias(SessionRef session, const SessionKey& key, Instant now) {
  if (unrecorded(session)) return;
  session = resolve(session);
  if (is_value(key, session, created_of(session), now)) return;
  const std::uint32_t number = number_of(key);
  const auto locks = lock_both(session.shard, number);
  const Record& record = shard_of(session).at(session.index);
  if (record.place().state == State::ended) return;
  const LedgerShard::Index made =
      shards_[number].insert_alias(key, record, session, ledger_ms(now));
  if (made != 0) shards_[number].note_use(made);
}

std::int64_t MappedLedger::created_of(SessionRef session) const {
  LedgerShard& shard = shard_of(session);
  const RobustLock lock = shard.lock();
  return shard.at(session.index).created_ms.load();
}

bool MappedLedger::is_value(const SessionKey& key, SessionRef session, std::int64_t created_ms,
                            Instant now) {
  {
    LedgerShard& shard = shards_[number_of(key)];
    const RobustLock lock = shard.lock();
    const LedgerShard::Index index = shard.find(key, expiry_now_ms(now));
    if (index == 0) return false;
    const Record& record = shard.at(index);
    if (record.place().state != State::alias) return true;
    shard.touch_alias(index, ledger_ms(now));
    if (record.target() == session && record.created_ms.load() == created_ms) return true;
  }
  const std::optional<OpenedSession> there = open_verified(key, now);
  if (there) close(there->ref, now);
  return there.has_value();
}

MovedSession MappedLedger::renew(SessionRef session, const SessionKey& key, NodeSlot node,
                                 Instant now) {
  if (unrecorded(session)) return {node, DoneBy::another};
  SessionRef before = resolve(session);
  const Instant created = instant(created_of(before));
  const OpenedSession next = begin(key, 0, node, SessionState::live, created, now);
  if (next.begun == DoneBy::another || unrecorded(next.ref)) {
    close(next.ref, now);  // the same session's, or another one: then the old one expires
    return {next.node, DoneBy::another};
  }
  while (const auto renewed_since = make_alias_of(before, next.ref, now)) before = *renewed_since;
  return {next.node, DoneBy::this_call};
}

/// The session that was at `before` goes on at `next`, of which one hold is released. If another
/// exchange has renewed it meanwhile, does nothing and returns where it is now.
std::optional<SessionRef> MappedLedger::make_alias_of(SessionRef before, SessionRef next,
                                                      Instant now) {
  const auto locks = lock_both(before.shard, next.shard);
  LedgerShard& old_shard = shard_of(before);
  LedgerShard& next_shard = shard_of(next);
  const Record& old = old_shard.at(before.index);
  const Record& renewed = next_shard.at(next.index);
  const bool alone = renewed.place().state == State::live;  // not renewed as well
  if (alone && old.place().state == State::alias) return old.target();
  if (alone && old.place().state != State::ended) {
    pass_on(before, next);
    tell_renewal(before, next);
  }
  next_shard.release(next.index, ledger_ms(now));
  return std::nullopt;
}

void MappedLedger::pass_on(SessionRef before, SessionRef next) const {
  const Record& old = shard_of(before).at(before.index);
  Record& renewed = shard_of(next).at(next.index);
  renewed.put_target(before);
  if (renewed.exchanges < old.exchanges) renewed.exchanges = old.exchanges;
  if (renewed.cookie_tag == 0) renewed.cookie_tag = old.cookie_tag;
  shard_of(next).take_over_holds(next.index, old);
  shard_of(before).make_alias(before.index, next);
}

/// Told by the shard of the new value, before anything else that becomes of that value.
void MappedLedger::tell_renewal(SessionRef before, SessionRef next) const {
  ChangeFeed* const old_feed = shard_of(before).feed();
  ChangeFeed* const next_feed = shard_of(next).feed();
  if (old_feed == nullptr || next_feed == nullptr) return;
  const LedgerShard& old_shard = shard_of(before);
  const Record& old = old_shard.at(before.index);
  const Record& renewed = shard_of(next).at(next.index);
  const NodeSlot node = old.place().node;
  if (node == renewed.place().node) {
    next_feed->put_placed(next.index, renewed, old_feed->placed_ms(before.index, old));
  } else {
    next_feed->move(next.index, renewed);
  }
  const std::int64_t end_ms = old.last_ms.load() + old_shard.timeout_ms(old.place());
  const std::int64_t told_ms = old_feed->tell(before.index, old, end_ms + old_shard.slack_ms(node));
  next_feed->add_event(SessionChange::Kind::renewed, old, told_ms,
                       {renewed.key_high, renewed.key_low});
}

void MappedLedger::confirm_renewal(SessionRef session, Millis grace, Instant now) {
  SessionRef before;
  std::int64_t created_ms = 0;
  {
    LedgerShard& shard = shard_of(session);
    const RobustLock lock = shard.lock();
    Record& record = shard.at(session.index);
    if (record.place().state == State::alias) return;
    before = record.target();
    created_ms = record.created_ms.load();
    record.put_target({});
  }
  if (before.index == 0 || before.shard >= shards_.size()) return;
  LedgerShard& shard = shards_[before.shard];
  const RobustLock lock = shard.lock();
  const LedgerShard::Index index = shard.find_at(before.index, created_ms, expiry_now_ms(now));
  if (index == 0 || shard.at(index).place().state != State::alias) return;
  shard.retire_alias(index, ledger_ms(now + grace));
}

SessionRef MappedLedger::resolve(SessionRef ref) const {
  for (;;) {
    LedgerShard& shard = shard_of(ref);
    const RobustLock lock = shard.lock();
    const Record& record = shard.at(ref.index);
    if (record.place().state != State::alias) return ref;
    ref = record.target();
  }
}

const Record* MappedLedger::session_of(const Record& alias) const {
  SessionRef ref = alias.shortcut();
  for (int step = 0; step < kMaxAliasChain; ++step) {
    if (ref.shard >= shards_.size()) return nullptr;
    const Record* const there = shards_[ref.shard].known(ref.index);
    if (there == nullptr || there->created_ms.load() != alias.created_ms.load()) return nullptr;
    if (there->place().state != State::alias) return there;
    ref = there->shortcut();
  }
  return nullptr;
}

/// Copies the aliases of sessions that have been copied; each then refers to its session directly.
void MappedLedger::copy_aliases(const MappedLedger& old, std::int64_t now_ms) {
  for (std::uint32_t number = 0; number < old.shards_.size(); ++number) {
    old.shards_[number].each_alias([&](LedgerShard::Index index, const Record& alias) {
      const Record* const session = old.session_of(alias);
      if (session == nullptr) return;
      const SessionKey key{session->key_high, session->key_low};
      const std::uint32_t home = number_of(key);
      const LedgerShard::Index at = shards_[home].find(key, now_ms);
      if (at == 0) return;
      Record& copied = shards_[home].at(at);
      const std::uint32_t beside = number_of({alias.key_high, alias.key_low});
      const LedgerShard::Index made = shards_[beside].copy_alias(alias, copied, {home, at});
      if (made == 0) return shards_[beside].note_eviction(copied.place().node, now_ms);
      if (session->target() == SessionRef{number, index}) copied.put_target({beside, made});
    });
  }
}

std::vector<RobustLock> MappedLedger::lock_both(std::uint32_t one, std::uint32_t other) const {
  std::vector<RobustLock> locks;  // in the order of lock_all, so that no deadlock is possible
  locks.push_back(shards_[std::min(one, other)].lock());
  if (one != other) locks.push_back(shards_[std::max(one, other)].lock());
  return locks;
}

}  // namespace bonedry::session
