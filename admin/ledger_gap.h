#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"

#include <optional>

namespace bonedry::admin {

/// Since when valid cookies may come that the ledger does not know.
struct LedgerGap {
  /// The start that could not restore the ledger; nothing: the ledger was restored.
  std::optional<Instant> since;

  /// When the last of these cookies has expired in this pool; `ms` is 0 if there is no gap.
  [[nodiscard]] Instant complete_at(const conf::Pool& pool) const {
    if (!since || pool.session.sticky == conf::Sticky::none) return Instant{0};
    return *since + session::longest_session(pool.session);
  }
};

}  // namespace bonedry::admin
