#pragma once

#include "session/ledger.h"
#include "session/stay_histogram.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bonedry::session {

/// Many sessions as of one moment, summarised in 17 KB.
struct SessionSummary {
  using Steps = std::array<std::uint32_t, TimeScale::kSteps>;

  std::array<Steps, TimeScale::kSteps> live{};  ///< by age, then by idle time; not those held
  Steps held{};                                 ///< held by exchanges, also pending ones; by age
  std::optional<Instant> youngest;              ///< begin of the newest one that is live or held
  std::optional<Instant>
      last_end;  ///< when the last one ends if none is used again; not those held
  /// When the last pending one ends, unless its cookie comes back. kNeverEnds: one is held.
  std::optional<Instant> pending_until;

  void add(const SessionInfo& info, Instant at);
};

/// One pass over the sessions of some nodes, in small steps: a table of a million takes some forty,
/// of two milliseconds each, none of which holds a lock for long. Not thread-safe.
class Survey {
 public:
  /// The groups in which the sessions of each node are summed up.
  using Groups = std::unordered_map<NodeSlot, std::vector<std::size_t>>;
  enum class Progress : std::uint8_t { more, done };

  Survey(Groups groups, std::size_t count, Instant at)
      : groups_(std::move(groups)), summaries_(count), at_(at) {}

  /// Visits some more of the ledger, which must be the same each time.
  Progress step(const Ledger& ledger);

  [[nodiscard]] const SessionSummary& group(std::size_t number) const { return summaries_[number]; }
  [[nodiscard]] Instant at() const { return at_; }

 private:
  Groups groups_;
  std::vector<SessionSummary> summaries_;
  Instant at_;
  std::size_t next_part_ = 0;
};

}  // namespace bonedry::session
