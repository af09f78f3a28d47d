#include "proxy/tls/loop_tls.h"

#include <stdexcept>
#include <utility>

namespace bonedry::tls {

const Library& LoopTls::library() {
  if (!library_) library_ = std::make_unique<Library>();
  return *library_;
}

std::shared_ptr<const ClientContext> LoopTls::client_context(const conf::Pool& pool) {
  if (!pool.tls) {
    pools_.erase(pool.name);
    return nullptr;
  }
  PoolContext& known = pools_[pool.name];
  if (known.context && known.config == *pool.tls) return known.context;
  auto made = ClientContext::make(library(), *pool.tls);
  // Without a context the nodes would get what users send unencrypted.
  if (!made) throw std::runtime_error("pool " + pool.name + ": " + made.error());
  known = {*pool.tls, std::move(*made)};
  return known.context;
}

}  // namespace bonedry::tls
