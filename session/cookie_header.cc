#include "session/cookie_header.h"

#include "proxy/base/ascii.h"

namespace bonedry::session {
namespace {

using ascii::is_blank;

std::string_view skip_separators(std::string_view text) {
  while (!text.empty() && (is_blank(text.front()) || text.front() == ';')) {
    text.remove_prefix(1);
  }
  return text;
}

std::string_view drop_separators(std::string_view text) {
  while (!text.empty() && (is_blank(text.back()) || text.back() == ';')) {
    text.remove_suffix(1);
  }
  return text;
}

/// The text after the "=" of a pair of this name. `name` is a token.
std::optional<std::string_view> value_of(std::string_view pair, std::string_view name) {
  if (!pair.starts_with(name)) return std::nullopt;
  pair.remove_prefix(name.size());
  pair = ascii::trimmed_front(pair);
  if (pair.empty() || pair.front() != '=') return std::nullopt;
  pair.remove_prefix(1);
  return pair;
}

}  // namespace

std::optional<CookieInField> find_cookie(std::string_view field, std::string_view name) {
  std::size_t at = 0;
  while (at < field.size()) {
    std::size_t end = field.find(';', at);
    if (end == std::string_view::npos) end = field.size();
    const std::string_view pair = ascii::trimmed_front(field.substr(at, end - at));
    if (const auto value = value_of(pair, name)) {
      CookieInField found;
      found.value = ascii::trimmed(*value);
      if (found.value.size() >= 2 && found.value.front() == '"' && found.value.back() == '"') {
        found.value = found.value.substr(1, found.value.size() - 2);
      }
      found.before = field.substr(0, static_cast<std::size_t>(pair.data() - field.data()));
      found.after = skip_separators(field.substr(end));
      // The separator before the pair stays only when something follows it.
      if (found.after.empty()) found.before = drop_separators(found.before);
      return found;
    }
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace bonedry::session
