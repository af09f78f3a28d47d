#include "proxy/upstream_limiter.h"

#include "proxy/upstream_pool.h"

#include <algorithm>

namespace bonedry::proxy {

/// Takes it from the node with the most idle connections, so that a rarely used node keeps a few.
bool UpstreamLimiter::close_one() {
  const auto max = std::ranges::max_element(pools_, {}, &UpstreamPool::idle);
  if (max == pools_.end() || (*max)->idle() == 0) return false;
  (*max)->close_oldest_idle();
  return true;
}

}  // namespace bonedry::proxy
