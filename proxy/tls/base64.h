#pragma once

#include <string>
#include <string_view>

namespace bonedry::tls {

/// Base64 with padding and without line ends (RFC 4648, section 4).
[[nodiscard]] std::string to_base64(std::string_view bytes);

}  // namespace bonedry::tls
