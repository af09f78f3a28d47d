#pragma once

#include "balancer/node.h"
#include "balancer/pool_counters.h"
#include "conf/config.h"
#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::balancer {

/// Who may enter a node, derived from its state, dryness and deadline.
enum class Door : std::uint8_t {
  open,           ///< active: everybody
  sessions_only,  ///< bleeding: only sessions that are on it
  /// Active, but another worker may still have it shut, or not know it: only sessions that the
  /// ledger has on it. No session is put on it that such a worker would move away.
  opening,
  /// The members of a cluster are agreeing that the node is dry: nobody enters, and its sessions
  /// wait until that is decided. None of them is moved meanwhile.
  held,
  shut,  ///< dry or being confirmed so, past its deadline, or in maintenance: nobody
};

/// Whether nobody may enter, not even the sessions of the node.
[[nodiscard]] constexpr bool is_closed(Door door) {
  return door == Door::shut || door == Door::held;
}

/// How a node is chosen for a user whose session must go to another one (moved, rescued, late).
enum class KeyedPlacement : std::uint8_t {
  by_policy,  ///< as for new users
  by_key,     ///< by the session's key, so that several proxies choose alike (rendezvous.h)
};

/// One node as one topology sees it.
struct NodeView {
  std::shared_ptr<Node> node;
  conf::Address address;
  unsigned weight = 100;
  std::uint64_t max_sessions = 0;     ///< 0: no limit
  std::uint64_t max_connections = 0;  ///< 0: no limit
  std::uint64_t max_waiting = 0;
  NodeState state = NodeState::active;
  Door door = Door::open;
  /// The operator took sessions off it (deadline, forced maintenance) since it was last active:
  /// users who still come count as `moved`, not `late`.
  bool displaced = false;
  /// When it was last put back into rotation, for slow_start; nothing: it takes its full share.
  std::optional<Instant> slow_start_since;
  std::uint32_t slot = 0;  ///< its index in the ledger
  /// Passes for it that were issued at this time or before are void; nothing: none are.
  std::optional<WallTime> passes_revoked = {};
  std::string group = {};                  ///< as in the config; empty: none
  std::vector<std::string> formerly = {};  ///< names that older cookies may have for it

  /// It has `max_sessions`, and gets no more.
  [[nodiscard]] bool is_full() const {
    return max_sessions != 0 && node->session_load() >= static_cast<std::int64_t>(max_sessions);
  }
};

/// One pool as one topology sees it.
struct PoolView {
  conf::Pool config;
  std::vector<NodeView> nodes;
  /// Until then, valid cookies may arrive whose sessions the ledger does not know.
  Instant ledger_complete_at;
  /// The names of the other pools that set session cookies of their own, which do not count as
  /// forged.
  std::vector<std::string> siblings;
  std::shared_ptr<PoolCounters> counters = std::make_shared<PoolCounters>();
  KeyedPlacement placement = KeyedPlacement::by_policy;
};

/// An immutable snapshot of all pools, built by the control plane and shared by all workers. A
/// worker routes by the newest one; an exchange keeps the one that it was last routed by, through
/// its PoolRuntime. The last owner frees it.
struct Topology {
  std::uint64_t version = 0;
  conf::Limits limits;
  conf::Timeouts timeouts;
  std::vector<conf::Network> trusted_proxies;
  std::vector<conf::Listener> listeners;
  std::vector<PoolView> pools;

  [[nodiscard]] const PoolView* find_pool(std::string_view name) const;
  [[nodiscard]] const NodeView* find_node(const NodeId& id) const;
};

/// Whether the pool has active checks and this node has no result yet.
[[nodiscard]] inline bool awaits_first_check(const PoolView& pool, const Node& node) {
  return pool.config.health.active && node.health() == Health::unknown;
}

[[nodiscard]] const NodeView* find_node(const PoolView& pool, std::string_view name);

}  // namespace bonedry::balancer
