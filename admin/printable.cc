#include "admin/printable.h"

#include "proxy/base/utc.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace bonedry::admin {
namespace {

constexpr char32_t kInvalid = 0xffffffff;

struct Character {
  char32_t code = kInvalid;  ///< kInvalid: not UTF-8, one byte
  std::size_t bytes = 1;
};

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]);
}

/// The first character of a text that is not empty.
Character decode(std::string_view text) {
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  char32_t code = first & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte_at(text, i) & 0xc0U) != 0x80U) return {};
    code = (code << 6U) | (byte_at(text, i) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, bytes};
}

/// What a terminal would interpret, or what makes text look like other text.
bool is_unsafe_to_print(char32_t code) {
  const auto in = [code](char32_t low, char32_t high) { return code >= low && code <= high; };
  return in(0x00, 0x1f) || in(0x7f, 0x9f) || code == 0xad || code == 0x34f || code == 0x61c ||
         code == 0x180e || in(0x200b, 0x200f) || in(0x2028, 0x202e) || in(0x2060, 0x206f) ||
         code == 0xfeff || in(0xfff9, 0xfffb) || in(0xe0000, 0xe0fff);
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 48> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), format, values...);
  return {buffer.data(), static_cast<std::size_t>(std::max(length, 0))};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = decode(text);
    if (character.code == kInvalid ||
        (is_unsafe_to_print(character.code) && character.code < 0x80)) {
      out += formatted("\\x%02x", static_cast<unsigned>(byte_at(text, 0)));
    } else if (is_unsafe_to_print(character.code)) {
      out += formatted("\\u{%x}", static_cast<unsigned>(character.code));
    } else {
      out += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::string printable_text(std::string_view text) {
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out += printable(text.substr(0, end)) + "\n";
    text.remove_prefix(end + 1);
  }
  return out + printable(text);
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0U) != 0x80U; }));
}

std::string clipped(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string out;
  for (std::size_t taken = 0; taken + 1 < width; ++taken) {
    const std::size_t bytes = decode(text).bytes;
    out += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return out + "…";
}

std::string rfc3339(WallTime at, Precision precision) {
  const UtcTime utc = to_utc(at);
  const std::tm& date = utc.date;
  std::string text =
      formatted("%04d-%02d-%02dT%02d:%02d:%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday,
                date.tm_hour, date.tm_min, date.tm_sec);
  if (precision == Precision::millis) text += formatted(".%03d", utc.millis);
  return text + "Z";
}

std::string error_line(std::string_view text) {
  return "error: " + printable(text) + "\n";
}

}  // namespace bonedry::admin
