#include "proxy/http2/field_check.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace bonedry::http2 {

using http::FieldName;

namespace {

constexpr auto kNameChar = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < table.size(); ++c) {
    const char one = static_cast<char>(c);
    table[c] = ascii::is_token_char(one) && !(one >= 'A' && one <= 'Z');
  }
  return table;
}();

/// Whether all of eight characters are visible ASCII or blanks, but for tabs: those of nearly all
/// values. The subtraction borrows into the high bit of each byte below ' '; DEL becomes 0x80.
bool is_plain(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  const std::uint64_t below = word - kOnes * ' ';
  const std::uint64_t beyond = word + kOnes;
  return ((below | beyond | word) & (kOnes * 0x80)) == 0;
}

}  // namespace

bool is_name(std::string_view name) {
  const auto fits = [](char c) { return kNameChar[static_cast<unsigned char>(c)]; };
  return !name.empty() && std::ranges::all_of(name, fits);
}

bool is_value(std::string_view value) {
  const auto control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; };
  std::string_view rest = value;
  while (rest.size() >= sizeof(std::uint64_t) && is_plain(rest.data())) {
    rest.remove_prefix(sizeof(std::uint64_t));
  }
  if (std::ranges::any_of(rest, control)) return false;
  return value.empty() || (!ascii::is_blank(value.front()) && !ascii::is_blank(value.back()));
}

bool is_for_connection(FieldName id) {
  switch (id) {
    case FieldName::connection:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::transfer_encoding:
    case FieldName::upgrade:
      return true;
    default:
      return false;
  }
}

}  // namespace bonedry::http2
