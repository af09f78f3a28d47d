#pragma once

#include "proxy/base/clock.h"

/// How bonedryctl meets a restart or an upgrade of the proxy.
namespace bonedry::ctl {

/// How long it waits for the proxy, with time for one that loads a large ledger.
constexpr Millis kRestartTimeLimit = std::chrono::seconds{30};
/// How often it tries to connect meanwhile.
constexpr Millis kRetryInterval{250};

}  // namespace bonedry::ctl
