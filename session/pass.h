#pragma once

#include "proxy/base/clock.h"
#include "session/siv_key.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {

/// Length of every pass: 36 bytes in base64url, without padding.
constexpr std::size_t kPassLength = 48;

constexpr Millis kDefaultPassTtl = std::chrono::minutes{15};
constexpr Millis kMinPassTtl = std::chrono::seconds{1};
/// A revocation is remembered for as long: until every pass that it voids has expired.
constexpr Millis kMaxPassTtl = std::chrono::hours{24};

/// What the seal protects.
struct PassContent {
  NodeKey node = 0;
  WallTime issued;
  WallTime expires;
};

/// Seals and opens passes: tickets that take a tester to one node of one pool, whatever its state.
///
/// Layout before base64url: key id (1 byte), tag (16), then encrypted node key (8), issue time (8,
/// milliseconds, big endian) and time to live (3, seconds, big endian). The cipher is AES-256-SIV
/// with pool name and key id as associated data. Its key is derived from the secret of the session
/// cookie for a purpose of its own, so neither opens as the other. Depends on secret and names
/// only, so that several proxies agree.
///
/// Owned by one thread.
class PassSealer {
 public:
  /// `secrets`: at least one; the first seals, all open. `pool` binds the passes to the pool.
  PassSealer(std::span<const std::string> secrets, std::string_view pool);

  /// `ttl` is from kMinPassTtl to kMaxPassTtl, and is rounded up to whole seconds.
  [[nodiscard]] std::string seal(std::string_view node, WallTime issued, Millis ttl);
  /// Nothing unless the token was sealed by one of the secrets for this pool.
  [[nodiscard]] std::optional<PassContent> open(std::string_view token);

  /// The node key that passes sealed with the i-th secret have for a node.
  [[nodiscard]] NodeKey node_key(std::size_t secret, std::string_view node) const;
  [[nodiscard]] std::size_t secrets() const { return secrets_.size(); }

 private:
  std::string pool_;
  std::vector<std::string> secrets_;
  std::vector<std::unique_ptr<SivKey>> keys_;
};

}  // namespace bonedry::session
