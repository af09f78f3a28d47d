#pragma once

#include <array>
#include <string_view>

namespace bonedry::session {

using Digest = std::array<unsigned char, 32>;

/// HMAC-SHA256 (RFC 2104), which derives keys from a secret, one for each purpose that `text`
/// names. Throws std::runtime_error when OpenSSL fails.
[[nodiscard]] Digest hmac_sha256(std::string_view secret, std::string_view text);

}  // namespace bonedry::session
