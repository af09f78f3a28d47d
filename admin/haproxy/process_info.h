#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <string>

namespace bonedry::admin::haproxy {

/// What `show info` says of the process.
struct ProcessInfo {
  std::int64_t pid = 0;
  Millis uptime{0};
  unsigned workers = 0;
  std::uint64_t descriptors = 0;      ///< RLIMIT_NOFILE
  std::uint64_t max_connections = 0;  ///< of clients; at most, where descriptors set the limit
  std::string host;                   ///< a word, not empty
};

/// Asks the kernel, about this process.
[[nodiscard]] ProcessInfo read_process_info(const conf::Config& config, Millis uptime);

}  // namespace bonedry::admin::haproxy
