#pragma once

#include "proxy/base/clock.h"
#include "session/ledger.h"
#include "session/siv_key.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {

/// Length of every session cookie's value: 45 bytes in base64url, without padding.
constexpr std::size_t kCookieLength = 60;

/// What the seal protects.
struct CookieContent {
  SessionKey key;
  NodeKey node = 0;
  WallTime issued;  ///< when the session began, in whole seconds
};

/// What can be read from a cookie without any cryptography. Enough to find a session and to see
/// whether it is the very cookie that the ledger remembers; otherwise says nothing about
/// authenticity.
struct CookiePeek {
  SessionKey key;
  CookieFingerprint fingerprint = 0;
};

/// Nothing when the value has another length or a character outside base64url.
[[nodiscard]] std::optional<CookiePeek> peek(std::string_view value);

/// Seals and opens session cookies.
///
/// Layout before base64url: key id (1 byte), session key (16), tag (16), then encrypted node key
/// (8) and issue time (4, seconds, big endian). The cipher is AES-256-SIV (RFC 5297) with pool
/// name, key id and session key as associated data: an authenticated encryption that needs no
/// nonce, so sealing one session key for another node, or 2^40 of them, reveals nothing. Every byte
/// is either authenticated or the key id, which only selects the secret.
///
/// Owned by one thread.
class CookieSealer {
 public:
  /// `secrets`: at least one; the first seals, all open. `pool` binds the cookies to the pool.
  CookieSealer(std::span<const std::string> secrets, std::string_view pool);
  ~CookieSealer();
  CookieSealer(CookieSealer&&) noexcept;
  CookieSealer& operator=(CookieSealer&&) noexcept;

  using Value = std::array<char, kCookieLength>;
  [[nodiscard]] Value seal(const CookieContent& content);
  /// Nothing unless the value was sealed by one of the secrets for this pool.
  [[nodiscard]] std::optional<CookieContent> open(std::string_view value);
  /// Whether it was sealed by one of the secrets for that pool. Costs as much as `open`.
  [[nodiscard]] bool is_of(std::string_view value, std::string_view pool);

  /// The node key that cookies sealed with the i-th secret have for a node.
  [[nodiscard]] NodeKey node_key(std::size_t secret, std::string_view node) const;
  [[nodiscard]] std::size_t secrets() const { return keys_.size(); }

 private:
  struct Key;
  [[nodiscard]] std::optional<CookieContent> open_for(std::string_view pool,
                                                      std::string_view value);

  std::string pool_;
  std::vector<std::unique_ptr<Key>> keys_;
};

/// 128 random bits from the system's generator.
[[nodiscard]] SessionKey random_session_key();

}  // namespace bonedry::session
