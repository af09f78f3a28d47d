#pragma once

#include "balancer/topology.h"

#include <functional>
#include <memory>

namespace bonedry::admin {

/// Where topologies are published: the proxy's workers, or a list in tests.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Calls `acknowledged` on the calling thread, never from inside this call, once every worker
  /// routes by `topology`.
  virtual void publish(std::shared_ptr<const balancer::Topology> topology,
                       std::function<void()> acknowledged) = 0;
};

}  // namespace bonedry::admin
