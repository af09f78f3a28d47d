#pragma once

#include <cstdint>

namespace bonedry::proxy {

/// Whether the process goes on, as outer load balancers are told (`health_path`). One that has
/// handed over to a new process goes on: its listeners do, in the new process.
enum class ProcessState : std::uint8_t {
  running,
  stopping,  ///< told to stop: listeners close now, or after [timeouts] shutdown_delay
};

}  // namespace bonedry::proxy
