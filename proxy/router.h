#pragma once

#include "proxy/http/message.h"
#include "proxy/local_answers.h"
#include "proxy/pool_runtime.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace bonedry::proxy {

/// Finds the pool of a request in one topology, or the answer that needs none. Owned by a worker,
/// which replaces it with the topology: a different result for the same request means that there is
/// a newer topology.
class Router {
 public:
  struct Route {
    std::shared_ptr<PoolRuntime> pool;  ///< null: all requests are answered without a node
    LocalAnswers answers = {};
  };

  Router() = default;
  /// `by_listener`: one route per listener, by listener index.
  explicit Router(std::vector<Route> by_listener) : by_listener_(std::move(by_listener)) {}

  /// To be asked before `find`. Nothing if the request is for a node.
  [[nodiscard]] std::optional<LocalAnswer> answer(std::size_t listener,
                                                  const LocalRequest& request) const {
    return by_listener_[listener].answers.find(request);
  }

  [[nodiscard]] const std::shared_ptr<PoolRuntime>& find(std::size_t listener,
                                                         const http::RequestInfo& request) const {
    (void)request;  // so far there is one pool per listener
    return by_listener_[listener].pool;
  }

 private:
  std::vector<Route> by_listener_;
};

}  // namespace bonedry::proxy
