#pragma once

#include "admin/node_record.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "session/mapped_ledger.h"

#include <optional>

namespace bonedry::proxy {

/// Logs what became of the ledger at a start.
void log_start(const session::MappedLedger::Start& start);

/// A bleeding node had users, or may have had. A ledger that does not know the node, or was last
/// used before the node was marked, does not belong to these records: it is treated as incomplete.
void check_age(session::MappedLedger& ledger, const admin::NodeRecords& records,
               const std::optional<session::LastUse>& last_use, const conf::Config& config,
               Instant now);

}  // namespace bonedry::proxy
