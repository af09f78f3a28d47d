#pragma once

#include "balancer/node.h"

#include <utility>

namespace bonedry::proxy {

/// One of something that a node counts, given back by the destructor. The node outlives it.
template <void (balancer::Node::*GiveBack)()>
class NodeToken {
 public:
  NodeToken() = default;
  /// Takes over one that the caller has taken.
  explicit NodeToken(balancer::Node& node) : node_(&node) {}
  NodeToken(NodeToken&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  NodeToken& operator=(NodeToken&& other) noexcept {
    if (this != &other) {
      reset();
      node_ = std::exchange(other.node_, nullptr);
    }
    return *this;
  }
  ~NodeToken() { reset(); }

  void reset() {
    if (node_ != nullptr) (std::exchange(node_, nullptr)->*GiveBack)();
  }
  explicit operator bool() const { return node_ != nullptr; }

 private:
  balancer::Node* node_ = nullptr;
};

/// A place for a session that an answer will begin, see Node::reserve_session.
using SessionReservation = NodeToken<&balancer::Node::cancel_reservation>;
/// One of the connections that a node may have in use, see Node::acquire_connection.
using ConnectionToken = NodeToken<&balancer::Node::release_connection>;
/// A place in the queue for one, see Node::begin_waiting.
using QueueToken = NodeToken<&balancer::Node::end_waiting>;
/// An exchange that the node counts as a tunnel.
using TunnelToken = NodeToken<&balancer::Node::close_websocket>;

}  // namespace bonedry::proxy
