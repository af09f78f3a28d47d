#pragma once

#include "proxy/http/head.h"

#include <chrono>
#include <optional>

namespace bonedry::http {

/// How long a node says that it keeps the connection of this response idle: "timeout=5" in a
/// Keep-Alive field (RFC 2068, section 19.7.1.1; parameters without an order, names without case).
/// "max=0" is a connection that takes no further request. The shortest of several; nothing when
/// there is none that is a number.
[[nodiscard]] std::optional<std::chrono::seconds> keep_alive_timeout(const Head& response);

}  // namespace bonedry::http
