#pragma once

#include "admin/cluster/outgoing_changes.h"
#include "admin/cluster/session_index.h"
#include "admin/cluster/sync_nodes.h"
#include "admin/cluster_statistics.h"
#include "session/shared_sessions.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace bonedry::admin::cluster {

/// Tells the index what this member's sessions do, in batches, and does to them what the index
/// knows better. Nothing is lost with a batch: it is sent again until it is answered. Owned by
/// SessionSync.
class SessionSender {
 public:
  /// Others wait in the store while it handles a batch (20 us a change on a small machine), and
  /// some of them for an answer within 100 ms: so batches are small, and few are on the way.
  static constexpr std::size_t kMaxBatch = 200;
  static constexpr std::size_t kMaxInFlight = 4;
  /// What waits here at most before the feed is read further, which keeps one change for each
  /// session however long it waits there.
  static constexpr std::size_t kMaxWaiting = 2000;

  SessionSender(SessionIndex& index, session::SharedSessions& sessions, const SyncNodes& nodes,
                const Clock& clock, SyncStatistics& statistics);

  /// Reads what the sessions have done. Also while the index cannot be reached, so that
  /// `ended_lately` knows all.
  void collect();
  /// Sends what waits, if not too much is on the way.
  void send();
  /// The same, and the next part of all sessions while they are being sent. A few times a second.
  void tick();
  /// Sends all sessions from the first on, after the endings of the last minute.
  void send_everything();
  /// Whether the index has answered all of that.
  [[nodiscard]] bool has_sent_everything() const;
  /// That has been noted.
  void finish_everything() { stage_ = Stage::none; }

  /// Whether the index has answered to everything that there is to tell.
  [[nodiscard]] bool has_sent_all() const;
  /// Whether the index has been told everything that happened up to a second ago.
  [[nodiscard]] SessionIndex::Backlog backlog() const;
  [[nodiscard]] bool ended_lately(const session::SessionKey& key) const {
    return outgoing_.ended(key).has_value();
  }
  /// Whether a batch with a change on a node out of rotation was answered since the last call.
  [[nodiscard]] bool take_told_of_nodes_out() { return std::exchange(told_of_nodes_out_, false); }

 private:
  using Changes = std::vector<session::SessionChange>;
  struct Batch {
    Changes changes;
    Instant sent;
  };

  void list_part();
  void send_batch(Changes changes);
  [[nodiscard]] std::vector<IndexOperation> operations_of(const Changes& changes);
  [[nodiscard]] std::optional<IndexOperation> operation_of(const session::SessionChange& change,
                                                           Instant now);
  void on_answer(std::uint64_t id, const Result<std::vector<Correction>>& answer);
  void correct(const Batch& batch, const Correction& correction);
  void note_marker();

  SessionIndex& index_;
  session::SharedSessions& sessions_;
  const SyncNodes& nodes_;
  const Clock& clock_;
  SyncStatistics& statistics_;

  OutgoingChanges outgoing_;
  bool more_due_ = false;  // in the feed, when it was last read
  std::map<std::uint64_t, Batch> in_flight_;
  std::uint64_t last_batch_ = 0;
  bool told_of_nodes_out_ = false;

  enum class Stage : std::uint8_t { none, listing, draining } stage_ = Stage::none;
  std::size_t part_ = 0;                 // the next to list
  std::uint64_t listed_ = 0;             // `added` of outgoing_ when all had been listed
  std::optional<std::uint64_t> marker_;  // the batch by which all of that was sent
  // Answers hold it weakly: those that come after the end of this object find it gone.
  std::shared_ptr<SessionSender*> self_ = std::make_shared<SessionSender*>(this);
};

}  // namespace bonedry::admin::cluster
