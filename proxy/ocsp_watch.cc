#include "proxy/ocsp_watch.h"

#include <spdlog/spdlog.h>

namespace bonedry::proxy {

void OcspWatch::adopt(const std::vector<conf::Listener>& listeners, WallTime now) {
  check(now);
  valid_.clear();
  for (const conf::Listener& listener : listeners) {
    if (!listener.tls || listener.tls->ocsp_response.next_update <= now) continue;
    valid_.push_back({conf::to_string(listener.address), listener.tls->ocsp_response});
  }
}

void OcspWatch::check(WallTime now) {
  std::erase_if(valid_, [now](const Watched& one) {
    if (now < one.file.next_update) return false;
    spdlog::warn(
        "listener {}: {}: is no longer valid (nextUpdate), so clients do not get it any more; "
        "fetch a new one",
        one.listener, one.file.path);
    return true;
  });
}

}  // namespace bonedry::proxy
