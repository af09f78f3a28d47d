#include "bench/demo/cookie_jar.h"

namespace bonedry::demo {

std::string_view cookie_name(std::string_view set_cookie) {
  return set_cookie.substr(0, set_cookie.find('='));
}

void CookieJar::take(std::string_view set_cookie) {
  const std::string_view pair = set_cookie.substr(0, set_cookie.find(';'));
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return;
  const std::string name(pair.substr(0, equals));
  const std::string value(pair.substr(equals + 1));
  if (value.empty()) {
    cookies_.erase(name);
  } else {
    cookies_[name] = value;
  }
}

std::string CookieJar::header() const {
  std::string text;
  for (const auto& [name, value] : cookies_) {
    if (!text.empty()) text += "; ";
    text.append(name).append("=").append(value);
  }
  return text;
}

}  // namespace bonedry::demo
