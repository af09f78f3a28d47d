#pragma once

#include "proxy/http/message.h"
#include "proxy/pool_runtime.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace bonedry::proxy {

/// Finds the pool of a request, in one topology. A worker's; replaced when the topology is, so that
/// asking again for the same request tells whether there is a newer one.
class Router {
 public:
  Router() = default;
  /// `by_listener`: one pool for each listener, in the order of their numbers.
  explicit Router(std::vector<std::shared_ptr<PoolRuntime>> by_listener)
      : by_listener_(std::move(by_listener)) {}

  [[nodiscard]] const std::shared_ptr<PoolRuntime>& find(std::size_t listener,
                                                         const http::RequestInfo& request) const {
    (void)request;  // one pool for each listener, so far
    return by_listener_[listener];
  }

 private:
  std::vector<std::shared_ptr<PoolRuntime>> by_listener_;
};

}  // namespace bonedry::proxy
