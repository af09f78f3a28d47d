#include "proxy/http/keep_alive.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace bonedry::http {
namespace {

// A longer time makes no difference.
constexpr std::int64_t kMax = 1'000'000;

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = std::min(number * 10 + (digit - '0'), kMax);
  }
  return number;
}

/// Parses one parameter such as "timeout=5".
std::optional<std::int64_t> parse_timeout(std::string_view parameter) {
  const std::size_t equals = parameter.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = ascii::trimmed(parameter.substr(0, equals));
  const auto number = parse_number(unquoted(ascii::trimmed(parameter.substr(equals + 1))));
  if (equal_ignoring_case(name, "timeout")) return number;
  if (equal_ignoring_case(name, "max") && number == 0) return number;
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::seconds> keep_alive_timeout(const Head& response) {
  std::optional<std::int64_t> shortest;
  for (const Field& field : response.fields) {
    if (field.id != FieldName::keep_alive) continue;
    each_element(response.value(field), [&shortest](std::string_view element) {
      while (!element.empty()) {  // some servers separate parameters by semicolons
        const std::size_t end = std::min(element.find(';'), element.size());
        const auto found = parse_timeout(element.substr(0, end));
        if (found) shortest = std::min(shortest.value_or(kMax), *found);
        element.remove_prefix(std::min(end + 1, element.size()));
      }
    });
  }
  if (!shortest) return std::nullopt;
  return std::chrono::seconds{*shortest};
}

}  // namespace bonedry::http
