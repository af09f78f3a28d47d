#include "tests/unit/control/promise_browser.h"

#include "proxy/base/utc.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace bonedry::admin::plain {
namespace {

constexpr Millis kMeantAsPast = std::chrono::hours{24};

/// RFC 6265, section 5.1.3, for host names.
bool domain_matches(const std::string& host, const std::string& domain) {
  if (host == domain) return true;
  return host.size() > domain.size() && host.ends_with("." + domain);
}

/// RFC 6265, section 5.1.4.
bool path_matches(const std::string& asked, const std::string& path) {
  if (!asked.starts_with(path)) return false;
  return asked.size() == path.size() || path.ends_with('/') || asked[path.size()] == '/';
}

std::string default_path(const std::string& asked) {
  const std::size_t last = asked.rfind('/');
  return last == 0 || last == std::string::npos ? "/" : asked.substr(0, last);
}

std::string date_text(WallTime at) {
  const std::tm date = to_utc(at).date;
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  return text.data();
}

}  // namespace

std::string SetCookie::text(const std::string& name) const {
  std::string field = name + "=" + value;
  if (!domain.empty()) field += "; Domain=" + domain;
  if (!path.empty()) field += "; Path=" + path;
  if (max_age) field += "; Max-Age=" + std::to_string(*max_age);
  if (expires) field += "; Expires=" + date_text(*expires);
  return field;
}

std::optional<CookieId> id_of(const SetCookie& cookie, const Page& page) {
  CookieId id{page.host, true, cookie.path.empty() ? default_path(page.path) : cookie.path};
  if (cookie.domain.empty()) return id;
  id.host_only = false;
  id.domain = cookie.domain.starts_with('.') ? cookie.domain.substr(1) : cookie.domain;
  const bool public_suffix = id.domain.find('.') == std::string::npos;
  if (public_suffix || !domain_matches(page.host, id.domain)) return std::nullopt;
  return id;
}

Effect effect_of(const SetCookie& cookie, const Page& page, WallTime date) {
  if (!id_of(cookie, page)) return Effect::none;
  if (cookie.value.empty()) return Effect::loses;  // an empty value identifies nobody
  if (cookie.max_age) return *cookie.max_age > 0 ? Effect::keeps : Effect::loses;
  if (!cookie.expires || *cookie.expires > date) return Effect::keeps;
  return *cookie.expires + kMeantAsPast < date ? Effect::loses : Effect::lapses;
}

void Jar::receive(const SetCookie& cookie, const Page& page, WallTime date, Instant now,
                  std::uint64_t given_in) {
  const std::optional<CookieId> id = id_of(cookie, page);
  if (!id) return;
  cookies_.erase(*id);
  if (effect_of(cookie, page, date) != Effect::keeps) return;
  Held held{cookie.value, std::nullopt, given_in};
  if (cookie.max_age) {
    held.until = now + std::chrono::seconds{*cookie.max_age};
  } else if (cookie.expires) {
    held.until = now + (*cookie.expires - date);
  }
  cookies_.emplace(*id, std::move(held));
}

std::vector<std::string> Jar::send(const Page& page, Instant now) {
  let_lapse(now);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const auto& [id, held] : cookies_) {
    const bool there = id.host_only ? page.host == id.domain : domain_matches(page.host, id.domain);
    if (there && path_matches(page.path, id.path)) found.emplace_back(id.path.size(), held.value);
  }
  std::ranges::stable_sort(found, std::greater{}, [](const auto& one) { return one.first; });
  std::vector<std::string> values;
  for (auto& [length, value] : found) values.push_back(std::move(value));
  return values;
}

void Jar::drop(const std::string& value) {
  std::erase_if(cookies_, [&value](const auto& one) { return one.second.value == value; });
}

void Jar::let_lapse(Instant now) {
  std::erase_if(cookies_,
                [now](const auto& one) { return one.second.until && *one.second.until <= now; });
}

}  // namespace bonedry::admin::plain
