#pragma once

#include "session/last_requests.h"
#include "session/ledger.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::session {

/// What a list of sessions starts with: the longest idle, the oldest, or the busiest.
enum class SessionOrder : std::uint8_t { idle, age, exchanges };

/// Which sessions of a node to list.
struct SessionQuery {
  SessionOrder order = SessionOrder::idle;
  std::size_t offset = 0;  ///< sessions skipped before the first one listed
  std::size_t limit = 100;
};

/// A page of the list of a node's sessions, and totals of the whole list.
struct SessionPage {
  SessionQuery query;
  std::vector<SessionInfo> rows;
  /// Of each row, as far as it is known; empty: they are not remembered.
  std::vector<std::optional<LastRequest>> last_requests = {};
  std::uint64_t total = 0;
  std::uint64_t pending = 0;
  /// When the last pending session will have ended, unless its cookie comes back. Nothing: there is
  /// none. kNeverEnds: an exchange holds one.
  std::optional<Instant> pending_until;
};

/// Makes a page of sessions that are passed in any order. Keeps no more than twice `offset + limit`
/// of them, however many are passed; the caller bounds that sum. Not thread-safe.
class SessionPager {
 public:
  explicit SessionPager(const SessionQuery& query) { page_.query = query; }

  void show(const SessionInfo& info);
  /// Returns the page of all sessions passed to `show`; the pager must not be used afterwards.
  [[nodiscard]] SessionPage take() &&;

 private:
  [[nodiscard]] std::size_t max() const { return page_.query.offset + page_.query.limit; }
  /// Drops the sessions that come after the requested page.
  void cut();

  SessionPage page_;  // its rows are unordered until `take`
};

}  // namespace bonedry::session
