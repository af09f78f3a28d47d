#pragma once

#include "admin/cluster/node_tag.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace bonedry::admin::cluster {

/// A node as SessionSync must know it.
struct SyncNode {
  session::NodeSlot slot = 0;
  NodeTag tag;
  Millis idle{0};  ///< `idle_timeout` of its pool
  /// One that is out of rotation is counted as soon as something changes on it.
  enum class Rotation : std::uint8_t { in, out } rotation = Rotation::in;
  /// Whether sessions may come onto it: where the members are agreeing, or have agreed, that it is
  /// dry, none may.
  enum class Entrance : std::uint8_t { open, held, shut } entrance = Entrance::open;
};

/// The nodes, by slot and by tag. A value, made anew when they change.
class SyncNodes {
 public:
  SyncNodes() = default;
  explicit SyncNodes(std::vector<SyncNode> nodes);

  [[nodiscard]] const SyncNode* find(session::NodeSlot slot) const;  ///< nullptr: there is none
  [[nodiscard]] std::optional<session::NodeSlot> slot_of(NodeTag tag) const;
  [[nodiscard]] const std::vector<SyncNode>& all() const { return nodes_; }
  [[nodiscard]] std::vector<NodeTag> tags() const;
  /// Of the nodes out of rotation.
  [[nodiscard]] std::vector<NodeTag> tags_out() const;

 private:
  std::vector<SyncNode> nodes_;
  std::unordered_map<session::NodeSlot, std::size_t> by_slot_;
  std::unordered_map<NodeTag, session::NodeSlot> by_tag_;
};

}  // namespace bonedry::admin::cluster
