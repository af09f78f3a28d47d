#pragma once

#include "proxy/base/clock.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What browsers do with the cookies of applications. Nothing here depends on the proxy.
namespace bonedry::admin::plain {

/// A Set-Cookie field as the application intends it.
struct SetCookie {
  std::string value;
  std::string domain;                   ///< empty: no attribute
  std::string path;                     ///< empty: no attribute
  std::optional<std::int64_t> max_age;  ///< in seconds
  std::optional<WallTime> expires;      ///< by the application's clock

  [[nodiscard]] std::string text(const std::string& name) const;
};

/// The URL of a browser's request.
struct Page {
  std::string host;
  std::string path;
};

/// The identity of a cookie with a given name in a browser (RFC 6265bis, section 5.7).
struct CookieId {
  std::string domain;
  bool host_only = true;
  std::string path;

  friend auto operator<=>(const CookieId&, const CookieId&) = default;
  /// True for nearly all cookies.
  [[nodiscard]] bool usual() const { return host_only && path == "/"; }
};

/// The cookie that this field sets; nothing: the browser ignores it.
[[nodiscard]] std::optional<CookieId> id_of(const SetCookie& cookie, const Page& page);

/// What a Set-Cookie does to a browser's cookie.
enum class Effect : std::uint8_t {
  none,    ///< the browser ignores the field
  keeps,   ///< the browser stores the cookie
  loses,   ///< the browser removes the cookie, as the application intends
  lapses,  ///< removed, but by a date so recent that a wrong clock may be the cause
};
/// `date`: the application's clock when it sent the field; browsers compare its dates with that.
[[nodiscard]] Effect effect_of(const SetCookie& cookie, const Page& page, WallTime date);

/// A browser's cookies with one name.
class Jar {
 public:
  struct Held {
    std::string value;
    std::optional<Instant> until;
    std::uint64_t given_in = 0;  ///< for the test: the session in which it was set
  };

  void receive(const SetCookie& cookie, const Page& page, WallTime date, Instant now,
               std::uint64_t given_in);
  /// The values that a request for this page sends, longer paths first (RFC 6265, section 5.4).
  [[nodiscard]] std::vector<std::string> send(const Page& page, Instant now);
  void drop(const std::string& value);
  void let_lapse(Instant now);
  [[nodiscard]] const std::map<CookieId, Held>& cookies() const { return cookies_; }

 private:
  std::map<CookieId, Held> cookies_;
};

}  // namespace bonedry::admin::plain
