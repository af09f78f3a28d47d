#pragma once

#include <map>
#include <string>
#include <string_view>

namespace bonedry::demo {

/// The cookies of one browser, which visits only one site. Attributes are ignored, but a cookie
/// with an empty value is removed.
class CookieJar {
 public:
  /// Stores the cookie of one Set-Cookie header.
  void take(std::string_view set_cookie);
  /// The value of the Cookie header; empty when there is nothing to send.
  [[nodiscard]] std::string header() const;
  [[nodiscard]] bool has(std::string_view name) const { return cookies_.contains(name); }

 private:
  std::map<std::string, std::string, std::less<>> cookies_;
};

/// The name of the cookie in a Set-Cookie header.
[[nodiscard]] std::string_view cookie_name(std::string_view set_cookie);

}  // namespace bonedry::demo
