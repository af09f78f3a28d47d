#pragma once

#include "admin/removed_nodes.h"
#include "balancer/node.h"
#include "balancer/node_id.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/ledger.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

namespace bonedry::admin {

/// Which process decides about nodes and updates the ledger about them.
enum class Authority : std::uint8_t { self, successor };

/// What a node keeps across topologies.
struct NodeEntry {
  std::shared_ptr<balancer::Node> node;
  session::NodeSlot slot = 0;               ///< its slot in the ledger
  std::optional<Instant> slow_start_since;  ///< when it was put back into rotation
};

/// All nodes that a worker may route to or that may have users, with their ledger slots. Owned by
/// ControlPlane, main thread only.
class NodeRegistry {
 public:
  /// The ledger must outlive this.
  explicit NodeRegistry(session::Ledger& ledger) : ledger_(ledger) {}

  using Map = std::map<balancer::NodeId, NodeEntry>;
  [[nodiscard]] const Map& all() const { return nodes_; }
  [[nodiscard]] bool contains(const balancer::NodeId& id) const { return nodes_.contains(id); }
  /// Null: the node has no ledger slot.
  [[nodiscard]] const NodeEntry* find(const balancer::NodeId& id) const;
  [[nodiscard]] const NodeEntry& at(const balancer::NodeId& id) const { return nodes_.at(id); }

  /// Creates the NodeEntry and claims the ledger slot of each node of a config, and of those that
  /// it has lost. An error names a node that there is no room for; nodes that were claimed before
  /// it keep their slots until they are released.
  Result<> claim(const conf::Config& config, const RemovedNodes& removed, Authority authority);
  /// `config` is in force from now on.
  void adopt(const conf::Config& config, const RemovedNodes& removed, Authority authority);

  /// The node was just put back into rotation.
  void begin_slow_start(const balancer::NodeId& id, Instant now);
  /// A node that the config has lost has no users: removes its address from the ledger.
  void forget_address(const balancer::NodeId& id);
  /// No worker routes to the node, and it has no users: another node may have its slot.
  void release(const balancer::NodeId& id);
  /// The config in force has the node under another name: `to`, which was claimed.
  void rename(const balancer::NodeId& from, const balancer::NodeId& to);
  /// The config that `to` was claimed for is not put in force, and it has the slot of another node.
  void abandon(const balancer::NodeId& to) { nodes_.erase(to); }
  /// Removes from the ledger the addresses of nodes that nobody routes to and that have no users.
  /// Otherwise an upgrade would take nodes that were in force long ago for nodes in force now. No
  /// other process may be routing.
  void clear_addresses();

 private:
  Result<> claim(const conf::Pool& pool, const conf::Node& node, Authority authority);
  void update_ledger_times(const conf::Pool& pool, const conf::Node& node);
  void update_ledger(const conf::Pool& pool, const conf::Node& node);

  session::Ledger& ledger_;
  Map nodes_;
};

}  // namespace bonedry::admin
