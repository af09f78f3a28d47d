#pragma once

#include "session/ledger.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::session {

/// What a list of sessions begins with: the longest idle, the oldest, or the busiest.
enum class SessionOrder : std::uint8_t { idle, age, exchanges };

/// Which sessions of a node to list.
struct SessionQuery {
  SessionOrder order = SessionOrder::idle;
  std::size_t offset = 0;  ///< so many come before the first one listed
  std::size_t limit = 100;
};

/// A page of the list of a node's sessions, and what is true of all of them.
struct SessionPage {
  SessionQuery query;
  std::vector<SessionInfo> rows;
  std::uint64_t total = 0;
  std::uint64_t pending = 0;
  /// When the last pending session has ended at the latest, unless its cookie comes back. Nothing:
  /// there is none. kNeverEnds: an exchange holds one.
  std::optional<Instant> pending_until;
};

/// Makes a page out of sessions that are shown in any order. Keeps no more than twice `offset +
/// limit` of them, however many are shown; the caller bounds that sum. Not thread-safe.
class SessionPager {
 public:
  explicit SessionPager(const SessionQuery& query) { page_.query = query; }

  void show(const SessionInfo& info);
  /// The page of all that was shown. Ends the pager's life.
  [[nodiscard]] SessionPage take() &&;

 private:
  [[nodiscard]] std::size_t most() const { return page_.query.offset + page_.query.limit; }
  /// Drops what is on no page up to the one that is asked for.
  void cut();

  SessionPage page_;  // its rows are in no order until `take`
};

}  // namespace bonedry::session
