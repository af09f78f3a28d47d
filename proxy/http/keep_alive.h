#pragma once

#include "proxy/http/head.h"

#include <chrono>
#include <optional>

namespace bonedry::http {

/// How long the node announces to keep the connection of this response idle: "timeout=5" in a
/// Keep-Alive field (RFC 2068, section 19.7.1.1; parameters in any order, names case-insensitive).
/// "max=0" means that the connection takes no further request. The shortest of several values;
/// nullopt when there is none that is a number.
[[nodiscard]] std::optional<std::chrono::seconds> keep_alive_timeout(const Head& response);

}  // namespace bonedry::http
