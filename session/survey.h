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

/// Many sessions in 17 KB, as they were at one moment.
struct SessionSummary {
  using Steps = std::array<std::uint32_t, TimeScale::kSteps>;

  std::array<Steps, TimeScale::kSteps> live{};  ///< by age, then by idle time; not those held
  Steps held{};                                 ///< by exchanges, pending ones too; by age
  std::optional<Instant> youngest;              ///< begin of the last one that is live or held
  std::optional<Instant>
      last_end;  ///< when the last one ends if none is touched; but for those held
  /// When the last pending one has ended, unless its cookie comes back. kNeverEnds: one is held.
  std::optional<Instant> pending_until;

  void add(const SessionInfo& info, Instant at);
};

/// One look at the sessions of some nodes, in small steps: a table of a million takes some forty,
/// of two milliseconds each, none of which holds a lock for long. Not thread-safe.
class Survey {
 public:
  /// In which groups the sessions of a node are summed up.
  using Groups = std::unordered_map<NodeSlot, std::vector<std::size_t>>;
  enum class Progress : std::uint8_t { more, done };

  Survey(Groups groups, std::size_t count, Instant at)
      : groups_(std::move(groups)), summaries_(count), at_(at) {}

  /// Looks at some more of the ledger, which must be the same each time.
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
