#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <memory>
#include <string>

namespace bonedry::proxy {

/// The whole program: data plane, control plane, admin socket, signals. Like main.cc it may depend
/// on every layer; only main.cc includes it. Main thread.
class Application {
 public:
  struct StartOptions {
    std::string program;      ///< path of the executable that a successor runs
    std::string config_path;  ///< path of the config file
    std::string config_text;  ///< its content
    UniqueFd predecessor;     ///< socket to the process to take over from; closed if there is none
  };
  Application(StartOptions options, const conf::Config& config);
  ~Application();

  /// Loads the state from disk, binds, listens, starts the workers. The error is for the operator.
  [[nodiscard]] Result<> start();
  /// Returns after SIGTERM, SIGINT or SIGQUIT, when [timeouts] shutdown_delay has passed and then
  /// all exchanges have finished or [timeouts] shutdown has passed; a second signal ends it at
  /// once. SIGHUP reloads the config, SIGUSR1 reopens the access log. SIGUSR2 upgrades; `run` then
  /// returns when all connections of this process are closed. Signals must have been blocked before
  /// `start`.
  void run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bonedry::proxy
