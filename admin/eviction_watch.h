#pragma once

#include "admin/event_log.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"

namespace bonedry::admin {

/// Reports sessions that ended because the ledger, or the disk, was full. A flood of new users
/// gives one event every few seconds, not one per session. Owned by ControlPlane, main thread only.
class EvictionWatch {
 public:
  EvictionWatch(const Clock& clock, const session::Ledger& ledger)
      : clock_(clock), ledger_(ledger) {}

  /// Reports what is new since the last event, unless that was only a few seconds ago.
  void report_new(EventLog& events);

 private:
  const Clock& clock_;
  const session::Ledger& ledger_;
  session::Ledger::Totals reported_;
  Instant next_;
};

}  // namespace bonedry::admin
