#pragma once

#include "balancer/topology.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace bonedry::balancer::test {

/// An arbitrary time other than 0.
constexpr Instant kNow{1'000'000};

inline void set_live(SessionCounts& counts, std::int64_t live) {
  while (counts.read().live < live) counts.add_live();
  while (counts.read().live > live) counts.take_live();
}

inline void set_pending(SessionCounts& counts, std::int64_t pending) {
  while (counts.read().pending < pending) counts.add_pending();
  while (counts.read().pending > pending) counts.take_pending();
}

/// Pool "shop" whose session counts the test sets directly.
class HandmadePool {
 public:
  HandmadePool() { view.config.name = "shop"; }

  /// Adds an active node of weight 100 without sessions; returns its index.
  std::size_t add(std::string name) {
    NodeView& added = view.nodes.emplace_back();
    added.node = std::make_shared<Node>("shop", std::move(name), counts_.emplace_back());
    return view.nodes.size() - 1;
  }

  [[nodiscard]] NodeView& operator[](std::size_t index) { return view.nodes[index]; }
  [[nodiscard]] Node& node(std::size_t index) { return *view.nodes[index].node; }
  void set_live(std::size_t index, std::int64_t live) { test::set_live(counts_[index], live); }
  void set_pending(std::size_t index, std::int64_t pending) {
    test::set_pending(counts_[index], pending);
  }
  void close_door(std::size_t index, NodeState state, Door door) {
    view.nodes[index].state = state;
    view.nodes[index].door = door;
  }

  PoolView view;

 private:
  std::deque<SessionCounts> counts_;  // by index of the node; elements never move
};

}  // namespace bonedry::balancer::test
