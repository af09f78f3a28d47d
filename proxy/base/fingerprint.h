#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bonedry {

/// FNV-1a: detects damage, not tampering. A change of any single byte changes the result.
inline std::uint64_t fingerprint(const void* data, std::size_t size) {
  std::uint64_t hash = 0xCBF29CE484222325;
  const auto* const bytes = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001B3;
  return hash;
}

inline std::uint64_t fingerprint(std::string_view text) {
  return fingerprint(text.data(), text.size());
}

}  // namespace bonedry
