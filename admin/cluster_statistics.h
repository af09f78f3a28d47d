#pragma once

#include "balancer/duration_histogram.h"
#include "proxy/base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace bonedry::admin {

/// What this member has done to keep its sessions and those of the others together.
struct SyncStatistics {
  std::uint64_t batches = 0;         ///< sent to the index
  std::uint64_t failed_batches = 0;  ///< of them those without an answer, or with an error
  std::uint64_t operations = 0;      ///< in all batches
  std::uint64_t corrections = 0;     ///< what the index knew better
  std::uint64_t changes = 0;         ///< of other members
  std::uint64_t full_sends = 0;      ///< how often all sessions were sent
  std::uint64_t gaps = 0;            ///< how often changes of others were missed
  std::uint64_t unknown_nodes = 0;   ///< sessions on nodes that this member, or the index, lacks
  std::uint64_t taken_over = 0;      ///< sessions of others that were not known here before
  std::uint64_t asked = 0;           ///< questions of workers
  std::uint64_t known = 0;           ///< of them by their answers
  std::uint64_t ended = 0;
  std::uint64_t uncertain = 0;
  std::uint64_t timed_out = 0;  ///< of `uncertain`: the index did not answer in time
  std::string last_error;       ///< of the index, for people; empty: the last batch was taken
};

/// How a round of dryness ended.
enum class RoundEnd : std::uint8_t {
  announced,         ///< all members agree: the node is dry
  refused,           ///< a member has looked again with its door shut, and found somebody
  member_silent,     ///< one that was asked cannot be heard
  member_restarted,  ///< the process that was asked has ended
  members_changed,   ///< one has joined, or was forgotten
  state_changed,     ///< the node was activated, or its state changed otherwise
  timed_out,         ///< not all have answered in time
  lease_lost,        ///< the member that led it leads no longer, or has lost the store
};

struct RoundEndName {
  RoundEnd end;
  const char* name;
};

/// All ends, each at the position of its value.
constexpr std::array kRoundEnds{RoundEndName{RoundEnd::announced, "announced"},
                                RoundEndName{RoundEnd::refused, "refused"},
                                RoundEndName{RoundEnd::member_silent, "member_silent"},
                                RoundEndName{RoundEnd::member_restarted, "member_restarted"},
                                RoundEndName{RoundEnd::members_changed, "members_changed"},
                                RoundEndName{RoundEnd::state_changed, "state_changed"},
                                RoundEndName{RoundEnd::timed_out, "timed_out"},
                                RoundEndName{RoundEnd::lease_lost, "lease_lost"}};
static_assert([] {
  for (std::size_t i = 0; i < kRoundEnds.size(); ++i) {
    if (static_cast<std::size_t>(kRoundEnds[i].end) != i) return false;
  }
  return true;
}());

/// Rounds of dryness, and what this member has said in them.
struct DrynessStatistics {
  std::array<std::uint64_t, kRoundEnds.size()> rounds{};  ///< that this member has ended
  std::uint64_t yes = 0;
  std::uint64_t no = 0;

  [[nodiscard]] std::uint64_t& of(RoundEnd end) { return rounds[static_cast<std::size_t>(end)]; }
  [[nodiscard]] std::uint64_t of(RoundEnd end) const {
    return rounds[static_cast<std::size_t>(end)];
  }
};

/// The way to the store.
struct StoreStatistics {
  std::uint64_t connects = 0;            ///< how often the store could be used from then on
  balancer::DurationTotals round_trips;  ///< from sending a command to the reply
};

/// What this process has done as a member of its cluster, for metrics. Values.
struct ClusterStatistics {
  StoreStatistics store;
  SyncStatistics sync;
  DrynessStatistics dryness;
  /// How long ago everything was read that the others have done; nothing: never.
  std::optional<Millis> lag;
};

}  // namespace bonedry::admin
