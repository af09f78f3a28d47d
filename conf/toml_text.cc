#include "conf/toml_text.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace bonedry::conf {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

/// The length in bytes of the first character (RFC 3629); 0 if it is not UTF-8.
std::size_t character_length(std::string_view text) {
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length == 0 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte_at(text, at) & 0xc0U) != 0x80U) return 0;
  }
  const std::uint8_t second = byte_at(text, 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool too_high = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_high ? 0 : length;
}

std::string control_character(std::uint8_t byte) {
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "the control character U+%04X is not allowed in TOML",
                byte);
  return text.data();
}

/// What is wrong with the first character, which has `length` bytes; "" if nothing.
std::string fault_of(std::string_view text, std::size_t length) {
  if (length == 0) return "invalid UTF-8";
  const std::uint8_t first = byte_at(text, 0);
  if (first == '\r') {
    if (text.size() > 1 && text[1] == '\n') return "";
    return "a carriage return without a line feed; lines end in LF or CR LF";
  }
  const bool control = (first < 0x20 && first != '\t' && first != '\n') || first == 0x7f;
  return control ? control_character(first) : "";
}

}  // namespace

std::optional<SyntaxError> first_foreign_character(std::string_view toml) {
  if (toml.starts_with("\xff\xfe") || toml.starts_with("\xfe\xff")) {
    return SyntaxError{{}, "the file is in UTF-16 or UTF-32; expected UTF-8"};
  }
  // A byte order mark does not count as a column.
  if (toml.starts_with("\xef\xbb\xbf")) toml.remove_prefix(3);
  Position at;
  while (!toml.empty()) {
    const std::size_t length = character_length(toml);
    std::string fault = fault_of(toml, length);
    if (!fault.empty()) return SyntaxError{at, std::move(fault)};
    at = toml.front() == '\n' ? Position{at.line + 1, 1} : Position{at.line, at.column + 1};
    toml.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace bonedry::conf
