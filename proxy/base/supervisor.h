#pragma once

#include <string_view>

namespace bonedry {

/// Sends `state`, such as "READY=1\nMAINPID=123", to the service manager (sd_notify(3): a datagram
/// to $NOTIFY_SOCKET). Does nothing without a service manager. Errors are ignored, since the
/// manager has time-outs of its own.
void notify_service_manager(std::string_view state);

}  // namespace bonedry
