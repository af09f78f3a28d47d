#pragma once

#include <string>
#include <string_view>

namespace bonedry::conf {

/// How the names of the cookies with passes begin. No other cookie may have such a name.
constexpr std::string_view kPassCookiePrefix = "bonedry-pass-";

/// The name of the cookie in which a browser keeps its pass for a pool. It differs from pool to
/// pool, since browsers send cookies to all ports of a host (RFC 6265, 8.5).
[[nodiscard]] inline std::string pass_cookie_name(std::string_view pool) {
  return std::string(kPassCookiePrefix).append(pool);
}

}  // namespace bonedry::conf
