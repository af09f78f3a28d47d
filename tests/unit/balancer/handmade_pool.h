#pragma once

#include "balancer/topology.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace bonedry::balancer::test {

/// Any moment will do, as long as it is not 0.
constexpr Instant kNow{1'000'000};

/// Pool "shop", whose session counts are written by hand.
class HandmadePool {
 public:
  HandmadePool() { view.config.name = "shop"; }

  /// An active node of weight 100 with no session on it; returns its index.
  std::size_t add(std::string name) {
    NodeView& added = view.nodes.emplace_back();
    added.node = std::make_shared<Node>("shop", std::move(name), counts_.emplace_back());
    return view.nodes.size() - 1;
  }

  [[nodiscard]] NodeView& operator[](std::size_t index) { return view.nodes[index]; }
  [[nodiscard]] Node& node(std::size_t index) { return *view.nodes[index].node; }
  void set_live(std::size_t index, std::int64_t live) { counts_[index].live = live; }
  void set_pending(std::size_t index, std::int64_t pending) { counts_[index].pending = pending; }
  void close_door(std::size_t index, NodeState state, Door door) {
    view.nodes[index].state = state;
    view.nodes[index].door = door;
  }

  PoolView view;

 private:
  std::deque<SessionCounts> counts_;  // by index of the node; never moves
};

}  // namespace bonedry::balancer::test
