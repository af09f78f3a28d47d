#include "admin/cluster/sync_nodes.h"

#include <utility>

namespace bonedry::admin::cluster {

using session::NodeSlot;

SyncNodes::SyncNodes(std::vector<SyncNode> nodes) : nodes_(std::move(nodes)) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    by_slot_[nodes_[i].slot] = i;
    by_tag_[nodes_[i].tag] = nodes_[i].slot;
  }
}

const SyncNode* SyncNodes::find(NodeSlot slot) const {
  const auto found = by_slot_.find(slot);
  return found == by_slot_.end() ? nullptr : &nodes_[found->second];
}

std::optional<NodeSlot> SyncNodes::slot_of(NodeTag tag) const {
  const auto found = by_tag_.find(tag);
  if (found == by_tag_.end()) return std::nullopt;
  return found->second;
}

std::vector<NodeTag> SyncNodes::tags() const {
  std::vector<NodeTag> tags;
  for (const SyncNode& node : nodes_) tags.push_back(node.tag);
  return tags;
}

std::vector<NodeTag> SyncNodes::tags_out() const {
  std::vector<NodeTag> tags;
  for (const SyncNode& node : nodes_) {
    if (node.rotation == SyncNode::Rotation::out) tags.push_back(node.tag);
  }
  return tags;
}

}  // namespace bonedry::admin::cluster
