#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string_view>

/// What nodes do to their application's cookies, as a browser would understand it. Pure functions.
namespace bonedry::session {

enum class CookieChange : std::uint8_t {
  none,     ///< the field is about another cookie, or means nothing
  set,      ///< the user is to bring this value from now on
  cleared,  ///< the user is to forget it
};

/// Which of the cookies of one name: to a browser, Domain and Path are part of what a cookie is
/// (RFC 6265, section 5.3). A hash of 12 bits of them, or one of these.
using CookieTag = std::uint16_t;
constexpr CookieTag kUnknownTag = 0;      ///< it was never seen being set
constexpr CookieTag kSeveralTag = 0xFFF;  ///< the browser has, or may have, more than one

/// What a node says about one cookie.
struct SetCookieEffect {
  CookieChange change = CookieChange::none;
  std::string_view value;  ///< of a given one, without quotes around it, as find_cookie has it
  CookieTag tag = kUnknownTag;
  /// Whether it has no Domain and the path "/", as most have.
  enum class Scope : std::uint8_t { usual, other } scope = Scope::usual;
};

/// Of the exchange in which a cookie is set.
struct CookieContext {
  std::string_view host;  ///< that was asked, without a port; empty: what is known is not believed
  std::string_view path;  ///< of the target, without a query
  /// What the node's clock says, by its Date field, which its Expires are to be compared with;
  /// nothing: it does not tell.
  std::optional<WallTime> date;
  WallTime now;  ///< of our own clock, for a node that does not tell
};

/// Reads the value of a Set-Cookie field as a browser would (RFC 6265, section 5.2 and 5.3; 6265bis
/// for prefixes and sizes). What a browser refuses is nothing. A cookie is cleared by an empty
/// value, by Max-Age of 0 or less, or, where there is no Max-Age, by Expires in the past, beyond a
/// margin by which clocks may differ.
[[nodiscard]] SetCookieEffect read_set_cookie(std::string_view field, std::string_view name,
                                              const CookieContext& context);

/// A date in any of the forms that cookies have it in (RFC 6265, section 5.1.1). Nothing when a
/// browser would not understand it either.
[[nodiscard]] std::optional<WallTime> parse_cookie_date(std::string_view text);

}  // namespace bonedry::session
