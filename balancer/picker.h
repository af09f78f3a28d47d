#pragma once

#include "balancer/policy.h"
#include "balancer/topology.h"
#include "proxy/base/random.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bonedry::balancer {

/// What a chosen node is wanted for.
enum class Purpose : std::uint8_t {
  new_session,  ///< a place for the session is booked on the node that is returned
  exchange,     ///< an exchange alone: a session that is on a node already, or none
};

/// Chooses nodes of one pool for one worker: the policy, and who is fit at all. Kept over
/// topologies, so that a round goes on where it was.
class Picker {
 public:
  Picker(conf::Balance balance, conf::Sticky sticky, std::uint64_t seed);

  /// The index in `pool.nodes` of an active node that is not down, not full and not among `tried`;
  /// nothing when there is none. One with a free connection comes first, then one whose connections
  /// are all in use. Those whose first health check is not over are taken when none that is known
  /// to be up is left, and marks from connect failures never leave a pool empty: when nothing else
  /// is left, passively_down nodes are taken.
  [[nodiscard]] std::optional<std::size_t> pick(const PoolView& pool, Purpose purpose,
                                                std::span<const std::size_t> tried, Instant now);

 private:
  /// Who will do, from pass to pass. `checked`: known to be up, where that is measured.
  enum class Wanted : std::uint8_t {
    checked_and_free,
    checked,
    not_marked_and_free,
    not_marked,
    any
  };

  void collect(const PoolView& pool, Wanted wanted, std::span<const std::size_t> tried,
               Instant now);
  [[nodiscard]] std::optional<std::size_t> choose(const PoolView& pool, Purpose purpose);
  [[nodiscard]] bool passes_slow_start(const PoolView& pool, const NodeView& view, Instant now);

  std::unique_ptr<Policy> policy_;
  Random random_;
  std::vector<Candidate> candidates_;  // kept for its memory
};

/// The share of its new sessions that a node takes, from `slow_start_since` to full after
/// `slow_start`: between kSlowStartFloor and 1.
[[nodiscard]] double slow_start_share(const NodeView& view, Millis slow_start, Instant now);

/// A node that comes back gets this share at once, or it would never be tried on a quiet site.
constexpr double kSlowStartFloor = 0.05;

}  // namespace bonedry::balancer
