#pragma once

#include "balancer/policy.h"
#include "balancer/rendezvous.h"
#include "balancer/topology.h"
#include "proxy/base/random.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bonedry::balancer {

/// What a node is chosen for.
enum class Purpose : std::uint8_t {
  new_session,  ///< capacity for the session is reserved on the returned node
  exchange,     ///< one exchange without a session, which needs no such capacity
};

/// Chooses nodes of one pool for one worker: filters the usable nodes, then applies the policy.
/// Kept across topologies, so that round-robin continues where it was.
class Picker {
 public:
  Picker(conf::Balance balance, conf::Sticky sticky, std::uint64_t seed);

  /// The index in `pool.nodes` of an active node that is not down and not among `tried`, and for a
  /// new session not full; nothing when there is none. Nodes with a free connection are preferred
  /// to those whose connections are all in use. Nodes whose first health check is pending are
  /// chosen only when none known to be up is left. Connect failures never leave a pool empty: when
  /// nothing else is left, passively down nodes are chosen.
  [[nodiscard]] std::optional<std::size_t> pick(const PoolView& pool, Purpose purpose,
                                                std::span<const std::size_t> tried, Instant now);
  /// The same for a session with this key, which goes by the key instead of the policy
  /// (rendezvous.h); capacity is reserved. Whether a node has a free connection does not count, nor
  /// does slow_start: proxies that choose for the same session must consider the same nodes, and
  /// each knows only its own connections and draws its own lots. Such users are few.
  [[nodiscard]] std::optional<std::size_t> pick_by_key(const PoolView& pool,
                                                       const PlacementKey& key,
                                                       std::span<const std::size_t> tried,
                                                       Instant now);

 private:
  /// Which nodes are acceptable, from the first pass to the last. `checked`: known to be up, if the
  /// pool has health checks. `and_free`: with a free connection. `not_marked`: not passively down.
  enum class Wanted : std::uint8_t {
    checked_and_free,
    checked,
    not_marked_and_free,
    not_marked,
    any
  };

  void collect(const PoolView& pool, Purpose purpose, Wanted wanted,
               std::span<const std::size_t> tried, Instant now);
  void leave_out_slow_starters(const PoolView& pool, Instant now);
  [[nodiscard]] std::optional<std::size_t> choose(const PoolView& pool, Purpose purpose);
  [[nodiscard]] bool passes_slow_start(const PoolView& pool, const NodeView& view, Instant now);

  std::unique_ptr<Policy> for_sessions_;
  std::unique_ptr<Policy> for_exchanges_;
  Random random_;
  std::vector<Candidate> candidates_;  // a member only to reuse its memory
};

/// The share of its new sessions that a node gets: rises from kSlowStartFloor at `slow_start_since`
/// to 1 after `slow_start`.
[[nodiscard]] double slow_start_share(const NodeView& view, Millis slow_start, Instant now);

/// A returning node gets at least this share, or it would never be tried on a quiet site.
constexpr double kSlowStartFloor = 0.05;

}  // namespace bonedry::balancer
