#pragma once

#include "admin/metrics/exposition.h"
#include "admin/status.h"

#include <span>
#include <string>
#include <vector>

namespace bonedry::admin::metrics {

/// A node of a status, and the labels of all its samples.
struct LabelledNode {
  const NodeStatus* node;
  std::string labels;  ///< pool="shop",node="alice"
};

/// What a node's samples take up at most, without the labels that name it.
inline constexpr std::size_t kNodeSamples = 80;

/// The families of nodes.
void write_nodes(Exposition& out, std::span<const LabelledNode> nodes);

}  // namespace bonedry::admin::metrics
