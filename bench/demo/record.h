#pragma once

#include "bench/demo/monitor.h"
#include "bench/demo/tally.h"
#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// The results of the story when it is over.
struct Record {
  struct Bleed {
    std::string node;
    std::int64_t users = 0;  ///< users on it when the bleed began
    /// From the last session's idle time-out to the report "dry"; empty: it was never reported.
    std::optional<Millis> dry_after;
  };

  Tally tally;
  Findings findings;
  std::vector<Bleed> bleeds;        ///< those that began
  std::size_t nodes = 0;            ///< how many had to be bled
  std::size_t fewest_shoppers = 0;  ///< at any time after the opening rush
  std::uint64_t intruders = 0;      ///< new users on a node that was out of rotation
  std::uint64_t moved = 0;          ///< reported by the proxy
  std::uint64_t rescued = 0;        ///< reported by the proxy
  Millis lasted{0};
  std::string broken_off;  ///< why the story could not continue to its end; empty: it did
};

/// Prints the table and the verdict on standard output; returns whether all promises were kept.
[[nodiscard]] bool print_report(const Record& record);

}  // namespace bonedry::demo
