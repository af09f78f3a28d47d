#pragma once

#include "admin/publisher.h"
#include "balancer/topology.h"
#include "proxy/handover.h"
#include "proxy/predecessor.h"
#include "proxy/server.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace bonedry::proxy {

/// Publishes the control plane's topologies to the workers and, until it has exited, to the process
/// that this one has taken over from.
class ServerPublisher final : public admin::Publisher {
 public:
  /// `config_text` returns the text of the config that the topologies are built from.
  ServerPublisher(Server& server, Predecessor* predecessor,
                  std::function<const std::string&()> config_text)
      : server_(server), predecessor_(predecessor), config_text_(std::move(config_text)) {}

  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged) override {
    if (predecessor_ == nullptr || predecessor_->is_gone()) {
      return server_.publish(topology, std::move(acknowledged));
    }
    const auto both = [missing = std::make_shared<int>(2), done = std::move(acknowledged)] {
      if (--*missing == 0) done();
    };
    server_.publish(topology, both);
    predecessor_->send_routing_state(routing_state(*topology), both);
  }

  [[nodiscard]] handover::RoutingState routing_state(const balancer::Topology& topology) const {
    handover::RoutingState routing_state{{}, config_text_()};
    for (const balancer::PoolView& pool : topology.pools) {
      for (const balancer::NodeView& view : pool.nodes) {
        if (view.door == balancer::Door::shut) routing_state.shut.insert(view.node->key());
        if (view.door == balancer::Door::opening) routing_state.opening.insert(view.node->key());
        if (view.door == balancer::Door::held) routing_state.held.insert(view.node->key());
      }
    }
    return routing_state;
  }

 private:
  Server& server_;
  Predecessor* predecessor_;
  std::function<const std::string&()> config_text_;
};

}  // namespace bonedry::proxy
