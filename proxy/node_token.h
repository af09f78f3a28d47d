#pragma once

#include "balancer/node.h"

#include <utility>

namespace bonedry::proxy {

/// RAII token for one unit of something that a node counts; the destructor gives it back. The node
/// must outlive it.
template <void (balancer::Node::*GiveBack)()>
class NodeToken {
 public:
  NodeToken() = default;
  /// Takes over a unit that the caller has acquired.
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

/// Capacity reserved for a session that a response will begin, see Node::reserve_session.
using SessionReservation = NodeToken<&balancer::Node::cancel_reservation>;
/// One of the connections that a node may have in use, see Node::acquire_connection.
using ConnectionToken = NodeToken<&balancer::Node::release_connection>;
/// A place in the queue for a connection, see Node::begin_waiting.
using QueueToken = NodeToken<&balancer::Node::end_waiting>;
/// An exchange that the node counts as a tunnel.
using TunnelToken = NodeToken<&balancer::Node::close_tunnel>;

}  // namespace bonedry::proxy
