#pragma once

#include <algorithm>
#include <string_view>

/// Classes of ASCII characters, as protocols and file formats define them: independent of the
/// locale, unlike <cctype>.
namespace bonedry::ascii {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/// A space or a tab (RFC 9110, section 5.6.3).
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
/// A character of a token (RFC 9110, section 5.6.2).
constexpr bool is_token_char(char c) {
  return is_alphanumeric(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

/// Without the spaces and tabs at its start, its end, or both.
constexpr std::string_view trimmed_front(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}
constexpr std::string_view trimmed_back(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}
constexpr std::string_view trimmed(std::string_view text) {
  return trimmed_back(trimmed_front(text));
}

}  // namespace bonedry::ascii
