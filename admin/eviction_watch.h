#pragma once

#include "admin/event_log.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"

namespace bonedry::admin {

/// Tells of sessions that ended because the ledger, or the disk, was full: a flood of newcomers is
/// one event every now and then. Owned by ControlPlane, main thread only.
class EvictionWatch {
 public:
  EvictionWatch(const Clock& clock, const session::Ledger& ledger)
      : clock_(clock), ledger_(ledger) {}

  /// Tells what is new since the last call, unless it has just reported something.
  void look(EventLog& events);

 private:
  const Clock& clock_;
  const session::Ledger& ledger_;
  session::Ledger::Totals reported_;
  Instant next_;
};

}  // namespace bonedry::admin
