#include "session/cluster_ledger.h"

#include <algorithm>
#include <array>

namespace bonedry::session {

using layout::State;

namespace {

constexpr std::size_t kPiece = 256;     // changes collected under one lock: some 50 us
constexpr int kMaxAliasChain = 1024;    // see ledger_alias.cc
constexpr std::size_t kMaxAliases = 8;  // tried for one value, see mapped_ledger.cc

SessionKey key_of(const layout::Record& record) {
  return {record.key_high, record.key_low};
}

}  // namespace

// As many events as sessions, so that a burst in which all of them end finds room.
ClusterLedger::ClusterLedger(MappedLedger& ledger, const Clock& clock)
    : ledger_(ledger), events_(ledger.file_.plan().capacity()) {
  const std::size_t room = ledger_.file_.plan().room();
  feeds_.reserve(ledger_.shards_.size());
  for (std::size_t number = 0; number < ledger_.shards_.size(); ++number) {
    feeds_.emplace_back(room, ledger_.offset_ms_, clock, events_);
    LedgerShard& shard = ledger_.shards_[number];
    const RobustLock lock = shard.lock();
    shard.attach(&feeds_.back());
  }
}

ClusterLedger::~ClusterLedger() {
  for (LedgerShard& shard : ledger_.shards_) {
    const RobustLock lock = shard.lock();
    shard.attach(nullptr);
  }
}

bool ClusterLedger::collect(std::vector<SessionChange>& out, std::size_t max, Instant now) {
  const std::size_t full = out.size() + max;
  for (std::size_t done = 0; done < ledger_.shards_.size();) {
    if (out.size() >= full) return true;
    LedgerShard& shard = ledger_.shards_[next_shard_];
    if (collect_piece(shard, out, full - out.size(), now) == Rest::more) continue;
    next_shard_ = (next_shard_ + 1) % ledger_.shards_.size();
    ++done;
  }
  return false;
}

/// The events of all shards come first: what became of a key of this shard is among them.
ClusterLedger::Rest ClusterLedger::collect_piece(LedgerShard& shard,
                                                 std::vector<SessionChange>& out, std::size_t max,
                                                 Instant now) {
  std::size_t budget = std::min(max, kPiece);
  const std::size_t before = out.size();
  Rest rest = Rest::none;
  {
    const RobustLock lock = shard.lock();
    ChangeFeed& feed = *shard.feed();
    if (events_.take(out, budget) == Rest::more) return Rest::more;
    for (budget -= out.size() - before; budget > 0; --budget) {
      const Index index = feed.take_changed();
      if (index == 0) break;
      describe(shard, index, out, ledger_.ledger_ms(now));
    }
    if (!feed.empty()) rest = Rest::more;
  }
  follow_leads(out, now);
  return rest;
}

void ClusterLedger::collect_all(std::size_t part, std::vector<SessionChange>& out, Instant now) {
  LedgerShard& shard = ledger_.shards_[part / ledger_.stripes_];
  {
    const RobustLock lock = shard.lock();
    const auto [first, last] = ledger_.records_of(part);
    shard.each_index([&](Index index) { describe(shard, index, out, ledger_.ledger_ms(now)); },
                     first, last);
  }
  follow_leads(out, now);
}

void ClusterLedger::describe(LedgerShard& shard, Index index, std::vector<SessionChange>& out,
                             std::int64_t now_ms) {
  using Kind = SessionChange::Kind;
  ChangeFeed& feed = *shard.feed();
  const Record& record = shard.at(index);
  const layout::Place place = record.place();
  const bool alias = place.state == State::alias;
  if (!alias && (!is_session(place) || shard.displaced(record))) return feed.forget(index, record);
  SessionChange change = feed.describe(alias ? Kind::aliased : Kind::present, record);
  const std::int64_t end_ms = shard.end_ms(record, now_ms) + shard.slack_ms(place.node);
  change.ends = feed.instant(feed.tell(index, record, end_ms));
  if (alias) return leads_.push_back({change, record.shortcut(), record.created_ms.load()});
  change.placed = feed.instant(feed.placed_ms(index, record));
  out.push_back(change);
}

/// An alias whose session is over is not told.
void ClusterLedger::follow_leads(std::vector<SessionChange>& out, Instant now) {
  for (Lead& lead : leads_) {
    const bool goes_on = with_target(lead.target, lead.created_ms, now,
                                     [&lead](const LedgerShard& shard, Index index, std::uint32_t) {
                                       lead.change.other = key_of(shard.at(index));
                                     });
    if (goes_on) out.push_back(lead.change);
  }
  leads_.clear();
}

template <class Act>
bool ClusterLedger::with_session(const SessionKey& key, Instant now, const Act& act) {
  const std::uint32_t number = ledger_.number_of(key);
  LedgerShard& shard = ledger_.shards_[number];
  std::array<Lead, kMaxAliases> leads;
  std::size_t count = 0;
  {
    const RobustLock lock = shard.lock();
    Index index = shard.find(key, ledger_.expiry_now_ms(now));
    if (index != 0 && shard.at(index).place().state != State::alias) {
      act(shard, index, number);
      return true;
    }
    for (; index != 0 && count < leads.size();
         index = shard.next_alias(index, ledger_.expiry_now_ms(now))) {
      const Record& alias = shard.at(index);
      leads[count++] = {{}, alias.shortcut(), alias.created_ms.load()};
    }
  }
  return std::any_of(leads.begin(), leads.begin() + count, [&](const Lead& lead) {
    return with_target(lead.target, lead.created_ms, now, act);
  });
}

template <class Act>
bool ClusterLedger::with_target(SessionRef ref, std::int64_t created_ms, Instant now,
                                const Act& act) {
  for (int step = 0; step < kMaxAliasChain; ++step) {
    if (ref.shard >= ledger_.shards_.size()) return false;
    LedgerShard& shard = ledger_.shard_of(ref);
    const RobustLock lock = shard.lock();
    const Index index = shard.find_at(ref.index, created_ms, ledger_.expiry_now_ms(now));
    if (index == 0) return false;
    if (shard.at(index).place().state != State::alias) {
      act(shard, index, ref.shard);
      return true;
    }
    ref = shard.at(index).shortcut();
  }
  return false;
}

void ClusterLedger::adopt(const RemoteSession& session, Instant now) {
  const std::int64_t now_ms = ledger_.ledger_ms(now);
  if (ledger_.ledger_ms(session.ends) <= ledger_.expiry_now_ms(now)) return;
  const auto merge_into = [&](LedgerShard& shard, Index index, std::uint32_t) {
    merge(session, shard, index, now_ms);
  };
  if (with_session(session.key, now, merge_into)) return;
  const std::uint32_t number = ledger_.number_of(session.key);
  LedgerShard& shard = ledger_.shards_[number];
  const RobustLock lock = shard.lock();
  const Index found = shard.find(session.key, ledger_.expiry_now_ms(now));
  const bool begun = found != 0 && shard.at(found).place().state != State::alias;  // meanwhile
  begun ? merge_into(shard, found, number) : insert(session, shard, now_ms);
}

void ClusterLedger::insert(const RemoteSession& session, LedgerShard& shard, std::int64_t now_ms) {
  const Index index = shard.insert(session.key, session.fingerprint, session.node, session.state,
                                   ledger_.ledger_ms(session.created), now_ms);
  if (index == 0) return shard.note_eviction(session.node, now_ms);
  const Record& record = shard.at(index);
  shard.feed()->put_placed(index, record, ledger_.ledger_ms(session.placed));
  const std::int64_t last_ms = ledger_.ledger_ms(session.ends) - shard.timeout_ms(record.place());
  shard.put_last(index, std::min(last_ms, now_ms));
}

void ClusterLedger::merge(const RemoteSession& session, LedgerShard& shard, Index index,
                          std::int64_t now_ms) {
  Record& record = shard.at(index);
  const bool live = session.state == SessionState::live;
  bool differs = !live && record.place().state == State::live;
  if (live) shard.make_live(index);
  const NodeSlot before = record.place().node;
  if (settle(shard, index, session.node, ledger_.ledger_ms(session.placed)) == Settled::otherwise) {
    differs = true;
  }
  // A record without a sealed cookie has something else there.
  if (before != record.place().node && session.fingerprint != 0) record.check = session.fingerprint;
  const std::int64_t last_ms = ledger_.ledger_ms(session.ends) - shard.timeout_ms(record.place());
  shard.put_last(index, std::max(record.last_ms.load(), std::min(last_ms, now_ms)));
  if (differs) shard.feed()->change(index, record);
}

ClusterLedger::Settled ClusterLedger::settle(LedgerShard& shard, Index index, NodeSlot node,
                                             std::int64_t placed_ms) {
  const Record& record = shard.at(index);
  const bool there = record.place().node == node;
  const bool displaced = shard.displaced(record);
  const auto ours = shard.feed()->compare_placed(index, record, placed_ms);
  // At the same moment: one of two that are equal here was chosen for all.
  if (ours > 0 || (ours == 0 && displaced)) return there ? Settled::as_told : Settled::otherwise;
  if (!there || displaced) shard.put_on(index, node);
  shard.feed()->put_placed(index, record, placed_ms);
  if (displaced) shard.note_use(index);  // its uses were not told meanwhile
  return Settled::as_told;
}

void ClusterLedger::place(const SessionKey& key, NodeSlot to, Instant placed, Instant now) {
  with_session(key, now, [&](LedgerShard& shard, Index index, std::uint32_t) {
    const Settled settled = settle(shard, index, to, ledger_.ledger_ms(placed));
    if (settled == Settled::otherwise) shard.feed()->change(index, shard.at(index));
  });
}

void ClusterLedger::end_remote(const SessionKey& key, Instant ended, Instant now) {
  with_session(key, now, [&](LedgerShard& shard, Index index, std::uint32_t) {
    if (shard.at(index).created_ms.load() <= ledger_.ledger_ms(ended)) shard.end_remote(index);
  });
}

void ClusterLedger::renew_remote(const SessionKey& from, const SessionKey& to, Instant now) {
  const std::optional<Pinned> before = pin(from, now);
  if (!before) return;
  if (before->key == from) {
    renew(*before, to, now);
  } else {  // it was renewed here too, as another value
    alias_remote(to, before->key, now);
  }
  unpin(before->ref);
}

/// The new record is used no later than the previous one: what is used here, others have been told.
void ClusterLedger::renew(const Pinned& before, const SessionKey& to, Instant now) {
  const std::uint32_t number = ledger_.number_of(to);
  const auto locks = ledger_.lock_both(before.ref.shard, number);
  LedgerShard& shard = ledger_.shards_[number];
  LedgerShard& old_shard = ledger_.shard_of(before.ref);
  Record& old = old_shard.at(before.ref.index);
  const layout::Place place = old.place();
  if (!is_session(place)) return;  // since it was pinned
  Index index = shard.find(to, ledger_.expiry_now_ms(now));
  if (index == before.ref.index && number == before.ref.shard) return;
  if (index != 0 && !is_session(shard.at(index).place())) return;
  if (index == 0) {
    const std::int64_t now_ms = ledger_.ledger_ms(now);
    index = shard.insert(to, 0, place.node, SessionState::live, old.created_ms.load(), now_ms);
    if (index == 0) return shard.note_eviction(place.node, now_ms);
    const std::int64_t placed_ms = old_shard.feed()->placed_ms(before.ref.index, old);
    shard.feed()->put_placed(index, shard.at(index), placed_ms);
    shard.put_last(index, old.last_ms.load());
  }
  shard.make_live(index);
  const Record& renewed = shard.at(index);
  shard.put_last(index, std::max(renewed.last_ms.load(), old.last_ms.load()));
  shard.feed()->take_over(index, renewed, shard.end_ms(renewed, renewed.last_ms.load()),
                          *old_shard.feed(), before.ref.index, old);
  ledger_.pass_on(before.ref, {number, index});
  // An alias leads to a session of the same creation time. That of one and the same session may
  // differ by milliseconds, if both values have come here by way of others.
  const std::int64_t created_ms = shard.at(index).created_ms.load();
  if (old.created_ms.load() != created_ms) old.put_created(created_ms);
  old_shard.feed()->forget(before.ref.index, old);
}

void ClusterLedger::alias_remote(const SessionKey& key, const SessionKey& of, Instant now) {
  const auto nothing = [](LedgerShard&, Index, std::uint32_t) {};
  if (with_session(key, now, nothing)) return;
  const std::optional<Pinned> session = pin(of, now);
  if (!session) return;
  {
    const std::uint32_t number = ledger_.number_of(key);
    const auto locks = ledger_.lock_both(session->ref.shard, number);
    const Record& record = ledger_.shard_of(session->ref).at(session->ref.index);
    LedgerShard& shard = ledger_.shards_[number];
    if (is_session(record.place())) {
      shard.insert_alias(key, record, session->ref, ledger_.ledger_ms(now));
    }
  }
  unpin(session->ref);
}

std::optional<KnownSession> ClusterLedger::look(const SessionKey& key, Instant now) {
  std::optional<KnownSession> known;
  with_session(key, now, [&](LedgerShard& shard, Index index, std::uint32_t) {
    const Record& record = shard.at(index);
    const SessionChange is = shard.feed()->describe(SessionChange::Kind::present, record);
    known = {is.key,
             is.node,
             is.state,
             is.created,
             ledger_.instant(shard.feed()->placed_ms(index, record)),
             shard.displaced(record)};
  });
  return known;
}

std::optional<ClusterLedger::Pinned> ClusterLedger::pin(const SessionKey& key, Instant now) {
  std::optional<Pinned> pinned;
  with_session(key, now, [&](LedgerShard& shard, Index index, std::uint32_t number) {
    shard.pin(index);
    pinned = Pinned{{number, index}, key_of(shard.at(index))};
  });
  return pinned;
}

/// As in MappedLedger::close: a session that became an alias meanwhile took its pins along.
void ClusterLedger::unpin(SessionRef ref) {
  for (;;) {
    LedgerShard& shard = ledger_.shard_of(ref);
    const RobustLock lock = shard.lock();
    const Record& record = shard.at(ref.index);
    const bool leads_on = record.place().state == State::alias;
    const SessionRef next = record.target();
    shard.unpin(ref.index);
    if (!leads_on) return;
    ref = next;
  }
}

}  // namespace bonedry::session
