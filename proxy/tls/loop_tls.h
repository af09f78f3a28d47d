#pragma once

#include "conf/config.h"
#include "proxy/tls/client_context.h"
#include "proxy/tls/connection.h"

#include <map>
#include <memory>
#include <string>

namespace bonedry::tls {

/// What one event loop needs to speak TLS: its library, and a client context for each pool that
/// speaks TLS with its nodes. Outlives what is made with it. Used on the loop's thread.
class LoopTls {
 public:
  /// Made at the first call: a config without TLS does without its memory.
  [[nodiscard]] const Library& library();
  /// The same as long as the pool's settings are, so that connections and sessions that were made
  /// with it stay usable. Null: the nodes speak plain HTTP. Throws std::runtime_error if OpenSSL
  /// refuses what it accepted when the config was read.
  [[nodiscard]] std::shared_ptr<const ClientContext> client_context(const conf::Pool& pool);

 private:
  struct PoolContext {
    conf::PoolTls config;
    std::shared_ptr<const ClientContext> context;
  };

  std::unique_ptr<Library> library_;
  std::map<std::string, PoolContext> pools_;
};

}  // namespace bonedry::tls
