#pragma once

#include "admin/node_record.h"
#include "balancer/node_id.h"
#include "conf/config.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::admin {

struct RemovedNode {
  std::string pool;
  conf::Node node;

  [[nodiscard]] balancer::NodeId id() const { return {pool, node.name}; }
};

/// NodeIds that the config has lost while they may have users: they bleed until they are dry. A
/// value; the one in force belongs to ControlPlane.
class RemovedNodes {
 public:
  RemovedNodes() = default;
  /// The removed nodes in the records of another process, for pools that `config` has.
  RemovedNodes(const NodeRecords& records, const conf::Config& config);

  void add(const std::string& pool, const conf::Node& node) { nodes_.push_back({pool, node}); }
  void drop(const NodeIds& nodes);

  [[nodiscard]] bool contains(const balancer::NodeId& id) const;
  [[nodiscard]] const std::vector<RemovedNode>& all() const { return nodes_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] bool empty() const { return nodes_.empty(); }

 private:
  std::vector<RemovedNode> nodes_;
};

}  // namespace bonedry::admin
