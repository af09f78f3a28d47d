#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <string>

namespace bonedry::admin::cluster {

/// What SessionSync has done since the start, for metrics.
struct SyncStatistics {
  std::uint64_t batches = 0;         ///< sent to the index
  std::uint64_t failed_batches = 0;  ///< of them those without an answer, or with an error
  std::uint64_t operations = 0;      ///< in all batches
  std::uint64_t corrections = 0;     ///< what the index knew better
  std::uint64_t changes = 0;         ///< of other members
  std::uint64_t full_sends = 0;      ///< how often all sessions were sent
  std::uint64_t gaps = 0;            ///< how often changes of others were missed
  std::uint64_t unknown_nodes = 0;   ///< sessions on nodes that this member, or the index, lacks
  std::uint64_t asked = 0;           ///< questions of workers
  std::uint64_t known = 0;           ///< of them by their answers
  std::uint64_t ended = 0;
  std::uint64_t uncertain = 0;
  std::string last_error;  ///< of the index, for people; empty: the last batch was taken
};

}  // namespace bonedry::admin::cluster
