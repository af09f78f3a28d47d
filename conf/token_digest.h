#pragma once

#include <array>
#include <string_view>

namespace bonedry::conf {

/// The SHA-256 of a token of the admin interface: the config, and whatever is made from it, never
/// has the token itself.
class TokenDigest {
 public:
  /// Of no token: no token has it.
  TokenDigest() = default;
  explicit TokenDigest(std::string_view token);

  /// Takes the same time wherever they differ.
  friend bool operator==(const TokenDigest& left, const TokenDigest& right);

 private:
  std::array<unsigned char, 32> bytes_{};
};

}  // namespace bonedry::conf
