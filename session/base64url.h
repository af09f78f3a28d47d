#pragma once

#include <endian.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// base64url (RFC 4648, section 5) without padding, for values whose size is a multiple of 3: these
/// have no spare bits that could be tampered with.
namespace bonedry::session {

namespace base64url {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNoDigit = 0x80;
constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

}  // namespace base64url

template <std::size_t kSize>
[[nodiscard]] std::array<char, kSize / 3 * 4> to_base64url(
    const std::array<unsigned char, kSize>& bytes) {
  static_assert(kSize % 3 == 0);
  std::array<char, kSize / 3 * 4> text{};
  for (std::size_t in = 0, out = 0; in < kSize; in += 3, out += 4) {
    const std::uint32_t word =
        (std::uint32_t{bytes[in]} << 16U) | (std::uint32_t{bytes[in + 1]} << 8U) | bytes[in + 2];
    for (std::size_t i = 0; i < 4; ++i) {
      text[out + i] = base64url::kAlphabet[(word >> (18 - 6 * i)) & 63U];
    }
  }
  return text;
}

/// False when `text` has another length or a character outside base64url; `bytes` is then
/// undefined.
template <std::size_t kSize>
[[nodiscard]] bool from_base64url(std::string_view text, std::array<unsigned char, kSize>& bytes) {
  static_assert(kSize % 3 == 0);
  if (text.size() != kSize / 3 * 4) return false;
  const auto digit = [text](std::size_t at) {
    return std::uint32_t{base64url::kDigits[static_cast<unsigned char>(text[at])]};
  };
  std::uint32_t seen = 0;
  for (std::size_t in = 0, out = 0; out < kSize; in += 4, out += 3) {
    const std::uint32_t a = digit(in);
    const std::uint32_t b = digit(in + 1);
    const std::uint32_t c = digit(in + 2);
    const std::uint32_t d = digit(in + 3);
    seen |= a | b | c | d;
    const std::uint32_t three = htobe32((a << 26U) | (b << 20U) | (c << 14U) | (d << 8U));
    std::memcpy(&bytes[out], &three, 3);
  }
  return (seen & base64url::kNoDigit) == 0;
}

}  // namespace bonedry::session
