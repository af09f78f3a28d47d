#pragma once

#include "proxy/base/clock.h"
#include "session/change_feed.h"
#include "session/mapped_ledger.h"
#include "session/shared_sessions.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::session {

/// The sessions of a MappedLedger for the other members of its cluster. As long as it exists, the
/// ledger notes what they must hear, in memory of this process: 16 bytes for each record, and no
/// more events than the ledger has capacity for, at 72 bytes. Made before the workers start, and
/// destroyed after they have ended; the ledger must outlive it. Belongs to the main thread.
class ClusterLedger final : public SharedSessions {
 public:
  /// `clock`: says when sessions are moved and when users log out; must outlive it.
  ClusterLedger(MappedLedger& ledger, const Clock& clock);
  ~ClusterLedger() override;
  ClusterLedger(const ClusterLedger&) = delete;
  ClusterLedger& operator=(const ClusterLedger&) = delete;

  bool collect(std::vector<SessionChange>& out, std::size_t max, Instant now) override;
  [[nodiscard]] std::size_t parts() const override { return ledger_.parts(); }
  void collect_all(std::size_t part, std::vector<SessionChange>& out, Instant now) override;
  [[nodiscard]] bool take_overflow() override { return events_.take_loss(); }

  void adopt(const RemoteSession& session, Instant now) override;
  void place(const SessionKey& key, NodeSlot to, Instant placed, Instant now) override;
  void end_remote(const SessionKey& key, Instant ended, Instant now) override;
  void renew_remote(const SessionKey& from, const SessionKey& to, Instant now) override;
  void alias_remote(const SessionKey& key, const SessionKey& of, Instant now) override;
  [[nodiscard]] std::optional<KnownSession> look(const SessionKey& key, Instant now) override;

 private:
  using Index = LedgerShard::Index;
  using Record = layout::Record;

  /// An alias, and where the way to its session goes on.
  struct Lead {
    SessionChange change;
    SessionRef target;
    std::int64_t created_ms = 0;
  };
  /// A session that is kept from ending, and the key of its record.
  struct Pinned {
    SessionRef ref;
    SessionKey key;
  };

  using Rest = ChangeEvents::Rest;
  Rest collect_piece(LedgerShard& shard, std::vector<SessionChange>& out, std::size_t max,
                     Instant now);
  /// Appends what a record is now, to `out` or, for an alias, to `leads_`.
  void describe(LedgerShard& shard, Index index, std::vector<SessionChange>& out,
                std::int64_t now_ms);
  void follow_leads(std::vector<SessionChange>& out, Instant now);

  /// Calls `act(shard, index, number of the shard)` on the session that `key` finds, under its
  /// lock. False: there is none.
  template <class Act>
  bool with_session(const SessionKey& key, Instant now, const Act& act);
  /// The same for the session that an alias leads to.
  template <class Act>
  bool with_target(SessionRef ref, std::int64_t created_ms, Instant now, const Act& act);

  void insert(const RemoteSession& session, LedgerShard& shard, std::int64_t now_ms);
  void merge(const RemoteSession& session, LedgerShard& shard, Index index, std::int64_t now_ms);
  enum class Settled : std::uint8_t { as_told, otherwise };
  /// Where a session is that another member put on `node` at `placed_ms`.
  static Settled settle(LedgerShard& shard, Index index, NodeSlot node, std::int64_t placed_ms);
  void renew(const Pinned& before, const SessionKey& to, Instant now);
  [[nodiscard]] std::optional<Pinned> pin(const SessionKey& key, Instant now);
  void unpin(SessionRef ref);

  MappedLedger& ledger_;
  ChangeEvents events_;
  std::vector<ChangeFeed> feeds_;  // one for each shard
  std::size_t next_shard_ = 0;     // of which `collect` goes on
  std::vector<Lead> leads_;        // while changes are collected
};

}  // namespace bonedry::session
