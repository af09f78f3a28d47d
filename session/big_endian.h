#pragma once

#include <endian.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bonedry::session {

template <class Int>
void store_big_endian(unsigned char* at, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    at[i] = static_cast<unsigned char>(value >> (8 * (sizeof(Int) - 1 - i)));
  }
}

/// For integers of 4 or 8 bytes.
template <class Int>
[[nodiscard]] Int load_big_endian(const unsigned char* at) {
  Int value = 0;
  std::memcpy(&value, at, sizeof(value));
  if constexpr (sizeof(Int) == sizeof(std::uint64_t)) return be64toh(value);
  return be32toh(static_cast<std::uint32_t>(value));
}

}  // namespace bonedry::session
