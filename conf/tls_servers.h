#pragma once

#include "conf/config.h"

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

namespace bonedry::conf {

/// Something that serves TLS to clients: a listener, or the HTTP door.
template <class Tls>
struct TlsServer {
  /// Of a listener its place in the config; of the door the number after the last listener's.
  std::size_t index = 0;
  std::string name;  ///< "listener 0.0.0.0:443", "[admin] http"
  Tls& tls;
};

/// All of a config, which must outlive them. `AnyConfig`: Config or const Config.
template <class AnyConfig>
[[nodiscard]] auto tls_servers(AnyConfig& config) {
  using Tls = std::remove_reference_t<decltype(*config.admin.http->tls)>;
  std::vector<TlsServer<Tls>> servers;
  for (std::size_t index = 0; index < config.listeners.size(); ++index) {
    auto& listener = config.listeners[index];
    if (listener.tls) {
      servers.push_back({index, "listener " + to_string(listener.address), *listener.tls});
    }
  }
  auto& http = config.admin.http;
  if (http && http->tls) servers.push_back({config.listeners.size(), "[admin] http", *http->tls});
  return servers;
}

}  // namespace bonedry::conf
