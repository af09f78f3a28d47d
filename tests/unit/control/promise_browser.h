#pragma once

#include "proxy/base/clock.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What browsers do with the cookies that applications set, and nothing about proxies.
namespace bonedry::admin::plain {

/// A Set-Cookie field, as the application means it.
struct SetCookie {
  std::string value;
  std::string domain;                   ///< empty: it has none
  std::string path;                     ///< the same
  std::optional<std::int64_t> max_age;  ///< in seconds
  std::optional<WallTime> expires;      ///< by the application's clock

  [[nodiscard]] std::string text(const std::string& name) const;
};

/// What a browser asks for.
struct Page {
  std::string host;
  std::string path;
};

/// To a browser these are what a cookie of one name is (RFC 6265bis, section 5.7).
struct CookieId {
  std::string domain;
  bool host_only = true;
  std::string path;

  friend auto operator<=>(const CookieId&, const CookieId&) = default;
  /// As nearly all cookies are.
  [[nodiscard]] bool usual() const { return host_only && path == "/"; }
};

/// Which cookie that is; nothing: the browser refuses it.
[[nodiscard]] std::optional<CookieId> id_of(const SetCookie& cookie, const Page& page);

/// What a Set-Cookie does to a browser's cookie.
enum class Effect : std::uint8_t {
  none,    ///< it is refused
  keeps,   ///< the browser has it from now on
  loses,   ///< the browser has it no more, and the application means that
  lapses,  ///< the same, by a date so little past that it may be a clock's fault
};
/// `date`: the application's clock when it said so; browsers judge its dates by that.
[[nodiscard]] Effect effect_of(const SetCookie& cookie, const Page& page, WallTime date);

/// A browser's cookies of one name.
class Jar {
 public:
  struct Held {
    std::string value;
    std::optional<Instant> until;
    std::uint64_t given_in = 0;  ///< for the test: the session in which it was given
  };

  void receive(const SetCookie& cookie, const Page& page, WallTime date, Instant now,
               std::uint64_t given_in);
  /// The values for a page, those of longer paths first (RFC 6265, section 5.4).
  [[nodiscard]] std::vector<std::string> send(const Page& page, Instant now);
  void drop(const std::string& value);
  void let_lapse(Instant now);
  [[nodiscard]] const std::map<CookieId, Held>& cookies() const { return cookies_; }

 private:
  std::map<CookieId, Held> cookies_;
};

}  // namespace bonedry::admin::plain
