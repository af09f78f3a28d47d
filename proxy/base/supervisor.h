#pragma once

#include <string_view>

namespace bonedry {

/// Tells a service manager that waits for it (sd_notify(3): a datagram to $NOTIFY_SOCKET), such as
/// "READY=1\nMAINPID=123". Without one nothing happens; neither does an error, for the manager has
/// time-outs of its own.
void tell_supervisor(std::string_view state);

}  // namespace bonedry
