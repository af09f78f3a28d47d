#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"

#include <memory>
#include <string>

namespace bonedry::proxy {

/// The whole program: data plane, control plane, admin socket, signals. Part of main.cc's right to
/// see every layer; nothing else includes it. Main thread.
class Application {
 public:
  Application(std::string config_path, const conf::Config& config);
  ~Application();

  /// Takes over what is on disk, binds, listens, starts the workers. The error is for the operator.
  [[nodiscard]] Outcome start();
  /// Returns after SIGTERM or SIGINT, when exchanges have finished or [timeouts] shutdown is over;
  /// a second signal ends it at once. SIGHUP reloads the config.
  void run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bonedry::proxy
