#pragma once

#include "session/ledger.h"
#include "session/session_page.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bonedry::session {

/// Makes a page of a node's sessions, a part of the ledger at a time, so that the calling thread
/// can do other work in between. Sessions that begin or end between two steps may be on the page or
/// not. Belongs to one thread; the ledger must outlive it.
class SessionListing {
 public:
  SessionListing(const Ledger& ledger, NodeSlot node, const SessionQuery& query)
      : ledger_(&ledger), node_(node), pager_(query) {}

  enum class Progress : std::uint8_t { more, done };
  /// Visits some 100,000 sessions: 2 to 13 ms.
  Progress step();
  /// Returns the page; the listing must not be used afterwards.
  [[nodiscard]] SessionPage take() && { return std::move(pager_).take(); }

 private:
  const Ledger* ledger_;
  NodeSlot node_;
  SessionPager pager_;
  std::size_t part_ = 0;
  std::vector<SessionInfo> here_;  // of one part, for use once its lock is released
};

}  // namespace bonedry::session
