#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <memory>
#include <string>

namespace bonedry::proxy {

/// The whole program: data plane, control plane, admin socket, signals. Part of main.cc's right to
/// see every layer; nothing else includes it. Main thread.
class Application {
 public:
  struct StartOptions {
    std::string program;      ///< the path that a successor is to run
    std::string config_path;  ///< and the config that it is to read
    std::string config_text;  ///< what was in it
    UniqueFd predecessor;     ///< the line to the process to take over from; closed: there is none
  };
  Application(StartOptions options, const conf::Config& config);
  ~Application();

  /// Takes over what is on disk, binds, listens, starts the workers. The error is for the operator.
  [[nodiscard]] Result<> start();
  /// Returns after SIGTERM, SIGINT or SIGQUIT, when exchanges have finished or [timeouts] shutdown
  /// is over; a second signal ends it at once. SIGHUP reloads the config, SIGUSR1 reopens the
  /// access log, SIGUSR2 upgrades: after that, when nothing is left that was begun here. Signals
  /// must have been blocked before `start`.
  void run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bonedry::proxy
