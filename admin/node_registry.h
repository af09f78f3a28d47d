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

/// Who decides about nodes, and tells the ledger about them.
enum class Authority : std::uint8_t { self, successor };

/// What outlives a topology of a node.
struct NodeEntry {
  std::shared_ptr<balancer::Node> node;
  session::NodeSlot slot = 0;               ///< its place in the ledger
  std::optional<Instant> slow_start_since;  ///< when it was put back into rotation
};

/// All nodes that a worker may route to or somebody may be on, with their places in the ledger.
/// Owned by ControlPlane, main thread only.
class NodeRegistry {
 public:
  /// The ledger must outlive this.
  explicit NodeRegistry(session::Ledger& ledger) : ledger_(ledger) {}

  using Map = std::map<balancer::NodeId, NodeEntry>;
  [[nodiscard]] const Map& all() const { return nodes_; }
  [[nodiscard]] bool contains(const balancer::NodeId& id) const { return nodes_.contains(id); }
  /// Null: it has no place in the ledger.
  [[nodiscard]] const NodeEntry* find(const balancer::NodeId& id) const;
  [[nodiscard]] const NodeEntry& at(const balancer::NodeId& id) const { return nodes_.at(id); }

  /// Gives the nodes of a config, and those that it has lost, their live facts and their places in
  /// the ledger. An error names one that there is no room for; those that have got theirs in vain
  /// lose them when they are released.
  Result<> claim(const conf::Config& config, const RemovedNodes& removed, Authority authority);
  /// `config` is in force from now on.
  void adopt(const conf::Config& config, const RemovedNodes& removed, Authority authority);

  /// The node was just put back into rotation.
  void begin_slow_start(const balancer::NodeId& id, Instant now);
  /// Nobody is on a node that the config has lost: the ledger need not know where it is.
  void reopen_unconfirmed(const balancer::NodeId& id);
  /// No worker routes to the node, and nobody is on it: another one may have its place.
  void release(const balancer::NodeId& id);
  /// Of nodes that nobody routes to and nobody is on, the ledger forgets where they are: what was
  /// in force long ago must not be taken for what is, at an upgrade. No other process may be
  /// routing.
  void clear_addresses();

 private:
  Result<> claim(const conf::Pool& pool, const conf::Node& node, Authority authority);
  void tell_times(const conf::Pool& pool, const conf::Node& node);
  void tell(const conf::Pool& pool, const conf::Node& node);

  session::Ledger& ledger_;
  Map nodes_;
};

}  // namespace bonedry::admin
