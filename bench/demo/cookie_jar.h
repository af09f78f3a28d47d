#pragma once

#include <map>
#include <string>
#include <string_view>

namespace bonedry::demo {

/// The cookies of one browser, which visits only one site: of a cookie's attributes, all but
/// Max-Age=0 are ignored.
class CookieJar {
 public:
  /// Stores the cookie of one Set-Cookie header, or removes it when its value is empty or it has
  /// Max-Age=0.
  void take(std::string_view set_cookie);
  /// Stores a cookie, replacing the one of the same name.
  void set(std::string_view name, std::string_view value);
  void clear() { cookies_.clear(); }

  /// The value of the Cookie header, sorted by name; empty when there is nothing to send.
  [[nodiscard]] std::string header() const;
  [[nodiscard]] bool has(std::string_view name) const { return cookies_.contains(name); }
  /// Empty when there is no such cookie.
  [[nodiscard]] std::string value(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> cookies_;
};

/// The name of the cookie in a Set-Cookie header.
[[nodiscard]] std::string_view cookie_name(std::string_view set_cookie);

}  // namespace bonedry::demo
