#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string_view>

/// What nodes do to their application's cookies, interpreted as a browser would. Pure functions.
namespace bonedry::session {

enum class CookieChange : std::uint8_t {
  none,     ///< the field is about another cookie, or browsers ignore it
  set,      ///< the browser sends this value from now on
  cleared,  ///< the browser drops the cookie
};

/// Tells cookies of the same name apart: to a browser, Domain and Path are part of a cookie's
/// identity (RFC 6265, section 5.3). A 12-bit hash of both, or one of the constants below.
using CookieTag = std::uint16_t;
constexpr CookieTag kUnknownTag = 0;      ///< the cookie was never seen being set
constexpr CookieTag kSeveralTag = 0xFFF;  ///< the browser has, or may have, more than one

/// What one Set-Cookie field does to one cookie.
struct SetCookieEffect {
  CookieChange change = CookieChange::none;
  std::string_view value;  ///< for `set`: without surrounding quotes, as find_cookie returns it
  CookieTag tag = kUnknownTag;
  /// `usual`: no Domain and the path "/", as most cookies have.
  enum class Scope : std::uint8_t { usual, other } scope = Scope::usual;
};

/// The exchange in which a cookie is set.
struct CookieContext {
  std::string_view host;  ///< host of the request, without a port; empty: not to be relied on
  std::string_view path;  ///< of the request target, without a query
  /// The node's clock by its Date field, which its Expires are compared with; nothing: it sent no
  /// usable Date.
  std::optional<WallTime> date;
  WallTime now;  ///< our own clock, for a node that sends no Date
};

/// Interprets the value of a Set-Cookie field as a browser would (RFC 6265, section 5.2 and 5.3;
/// 6265bis for prefixes and sizes). A field that a browser refuses changes nothing. A cookie is
/// cleared by an empty value, by Max-Age of 0 or less, or, without a Max-Age, by Expires in the
/// past, with a margin by which clocks may differ.
[[nodiscard]] SetCookieEffect read_set_cookie(std::string_view field, std::string_view name,
                                              const CookieContext& context);

/// Parses a date in any of the forms that cookies use (RFC 6265, section 5.1.1). Nothing when a
/// browser would not understand it either.
[[nodiscard]] std::optional<WallTime> parse_cookie_date(std::string_view text);

}  // namespace bonedry::session
