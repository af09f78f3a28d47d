#pragma once

#include "bench/demo/monitor.h"
#include "bench/demo/user_counters.h"
#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// What a finished or aborted demo has measured.
struct DemoResult {
  struct Bleed {
    std::string node;
    std::int64_t sessions = 0;  ///< on the node when the bleed began
    /// From the last session's idle time-out, or from when a proxy that had ended served again, to
    /// the report "dry"; empty: it was never reported.
    std::optional<Millis> dry_delay;
  };

  std::size_t proxies = 1;
  UserCounters counters;
  ComparisonResult comparison;
  std::vector<Bleed> bleeds;      ///< those that began
  std::size_t nodes = 0;          ///< all that should be bled
  std::size_t min_shoppers = 0;   ///< the fewest at any time after the ramp-up
  std::uint64_t misrouted = 0;    ///< sessions that began on a node out of rotation
  std::uint64_t taken_back = 0;   ///< see ExpectedSessions::taken_back
  std::uint64_t displaced = 0;    ///< moved or rescued, reported by the proxies
  std::uint64_t dry_unheard = 0;  ///< nodes reported dry while a proxy was not there to agree
  Millis duration{0};
  std::string abort_reason;  ///< empty: the demo was not aborted
};

/// Prints the table and the verdict on standard output; returns whether all checks passed.
[[nodiscard]] bool print_report(const DemoResult& result);

}  // namespace bonedry::demo
