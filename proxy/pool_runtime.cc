#include "proxy/pool_runtime.h"

#include "session/cookie_header.h"

namespace bonedry::proxy {

PoolRuntime::Kept PoolRuntime::filter(std::string_view value) const {
  const auto found = session::find_cookie(value, affinity_.cookie_name());
  if (!found) return {};
  return {found->before, found->after, true};
}

}  // namespace bonedry::proxy
