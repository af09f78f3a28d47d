#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string_view>

/// What nodes do to their application's cookies, as a browser would understand it. Pure functions.
namespace bonedry::session {

enum class CookieChange : std::uint8_t {
  none,     ///< the field is about another cookie, or means nothing
  given,    ///< the user is to bring this value from now on
  cleared,  ///< the user is to forget it
};

/// What a node says about one cookie.
struct CookieNews {
  CookieChange change = CookieChange::none;
  std::string_view value;  ///< of a given one, without quotes around it, as find_cookie has it
};

/// Reads the value of a Set-Cookie field (RFC 6265, section 5.2). A cookie is cleared by an empty
/// value, by Max-Age of 0 or less, or, where there is no Max-Age, by Expires not later than `now`.
[[nodiscard]] CookieNews read_set_cookie(std::string_view field, std::string_view name,
                                         WallTime now);

/// A date in any of the forms that cookies have it in (RFC 6265, section 5.1.1). Nothing when a
/// browser would not understand it either.
[[nodiscard]] std::optional<WallTime> parse_cookie_date(std::string_view text);

}  // namespace bonedry::session
