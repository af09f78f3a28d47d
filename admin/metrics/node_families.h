#pragma once

#include "admin/metrics/exposition.h"
#include "admin/status.h"

#include <functional>
#include <string>
#include <vector>

namespace bonedry::admin::metrics {

/// A node of a status, and the labels of all its samples.
struct LabelledNode {
  const NodeStatus* node;
  std::string labels;  ///< pool="shop",node="alice"
};

/// A family of which every node has samples.
struct NodeFamily {
  Family family;
  std::function<void(Exposition& out, const LabelledNode& node)> write_samples;
};

/// The families of nodes, in the order in which they are shown.
[[nodiscard]] std::vector<NodeFamily> node_families();

}  // namespace bonedry::admin::metrics
