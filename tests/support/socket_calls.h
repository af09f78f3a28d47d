#pragma once

#include "tests/support/deadline.h"

#include <string>

/// What the plain and the TLS side of a Socket share; nobody else includes it.
namespace bonedry::test {

/// Throws ConnectionRefused, ConnectionReset or SocketError, by the errno of the call `what`.
[[noreturn]] void throw_socket_error(const std::string& what, int error);

/// Waits until `fd` is ready for one of `events`; true when it is, false when the deadline passes.
[[nodiscard]] bool wait_ready(int fd, short events, TestTime until);

}  // namespace bonedry::test
