#include "bench/demo/cookie_jar.h"

#include "proxy/base/ascii.h"

#include <algorithm>

namespace bonedry::demo {
namespace {

/// Removes the part before the next ';' from `text` and returns it, without blanks around it.
std::string_view take_part(std::string_view& text) {
  const std::size_t end = std::min(text.find(';'), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return ascii::trimmed(part);
}

bool has_max_age_zero(std::string_view attributes) {
  while (!attributes.empty()) {
    if (ascii::equal_ignoring_case(take_part(attributes), "Max-Age=0")) return true;
  }
  return false;
}

}  // namespace

std::string_view cookie_name(std::string_view set_cookie) {
  return set_cookie.substr(0, set_cookie.find('='));
}

void CookieJar::take(std::string_view set_cookie) {
  std::string_view attributes = set_cookie;
  const std::string_view pair = take_part(attributes);
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view name = pair.substr(0, equals);
  const std::string_view value = pair.substr(equals + 1);
  if (!value.empty() && !has_max_age_zero(attributes)) {
    set(name, value);
  } else if (const auto found = cookies_.find(name); found != cookies_.end()) {
    cookies_.erase(found);
  }
}

void CookieJar::set(std::string_view name, std::string_view value) {
  cookies_.insert_or_assign(std::string{name}, std::string{value});
}

std::string CookieJar::header() const {
  std::string text;
  for (const auto& [name, value] : cookies_) {
    if (!text.empty()) text += "; ";
    text.append(name).append("=").append(value);
  }
  return text;
}

std::string CookieJar::value(std::string_view name) const {
  const auto found = cookies_.find(name);
  return found == cookies_.end() ? std::string{} : found->second;
}

}  // namespace bonedry::demo
