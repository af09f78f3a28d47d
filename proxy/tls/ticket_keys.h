#pragma once

#include "proxy/base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::tls {

/// A key that seals session tickets (RFC 5077, section 4). Random, and never on disk: when the last
/// process that has it ends, nobody can open its tickets any more.
struct TicketKey {
  std::array<std::uint8_t, 16> name{};  ///< in the ticket: which key sealed it
  std::array<std::uint8_t, 32> cipher{};
  std::array<std::uint8_t, 32> mac{};

  friend bool operator==(const TicketKey&, const TicketKey&) = default;
};

/// The keys in use: the first seals, all open. Immutable; shared by the workers.
class TicketKeys {
 public:
  /// A ticket is accepted for as long as two rotations take.
  static constexpr std::size_t kKept = 3;

  static constexpr Millis kRotation = std::chrono::hours{12};

  /// One new key. Throws std::runtime_error when OpenSSL has no random numbers.
  explicit TicketKeys(WallTime now);

  /// With a new key in front; the oldest goes if there are more than `kKept`.
  [[nodiscard]] TicketKeys rotated(WallTime now) const;
  /// Whether it is time for that, or the clock has been set back.
  [[nodiscard]] bool is_rotation_due(WallTime now) const;

  /// For another process of the program: the bytes, which are secret.
  [[nodiscard]] std::string serialize() const;
  /// Null if the bytes are none of `serialize`.
  [[nodiscard]] static std::shared_ptr<const TicketKeys> parse(std::string_view bytes);

  [[nodiscard]] const TicketKey& current() const { return keys_.front(); }
  /// The key of that name, of 16 bytes, or null.
  [[nodiscard]] const TicketKey* find(const std::uint8_t* name) const;
  [[nodiscard]] const std::vector<TicketKey>& all() const { return keys_; }

 private:
  TicketKeys(std::vector<TicketKey> keys, WallTime created)
      : keys_(std::move(keys)), created_(created) {}

  std::vector<TicketKey> keys_;
  WallTime created_;  // of the first
};

}  // namespace bonedry::tls
