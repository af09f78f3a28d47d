#pragma once

#include "proxy/http/message.h"
#include "proxy/pool_runtime.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace bonedry::proxy {

/// Finds the pool of a request in one topology. Owned by a worker, which replaces it with the
/// topology: a different result for the same request means that there is a newer topology.
class Router {
 public:
  Router() = default;
  /// `by_listener`: one pool per listener, by listener index.
  explicit Router(std::vector<std::shared_ptr<PoolRuntime>> by_listener)
      : by_listener_(std::move(by_listener)) {}

  [[nodiscard]] const std::shared_ptr<PoolRuntime>& find(std::size_t listener,
                                                         const http::RequestInfo& request) const {
    (void)request;  // so far there is one pool per listener
    return by_listener_[listener];
  }

 private:
  std::vector<std::shared_ptr<PoolRuntime>> by_listener_;
};

}  // namespace bonedry::proxy
