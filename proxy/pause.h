#pragma once

#include <cstdint>

namespace bonedry::proxy {

/// Why nothing is read from one side of an exchange.
enum class PauseReason : std::uint8_t {
  no_node = 1,    ///< there is no connection yet that the request could go to
  congested = 2,  ///< the other side does not take what was read
  dropped = 4,    ///< what is still to come is not wanted any more
  ended = 8,      ///< the side has ended, and would tell so again and again
};

/// A set of them: reading goes on when it is empty. Setting one twice is the same as once.
class Pauses {
 public:
  constexpr Pauses() = default;
  constexpr explicit Pauses(PauseReason only) : bits_(bit(only)) {}

  constexpr void add(PauseReason reason) { bits_ = static_cast<std::uint8_t>(bits_ | bit(reason)); }
  constexpr void remove(PauseReason reason) {
    bits_ = static_cast<std::uint8_t>(bits_ & ~bit(reason));
  }
  [[nodiscard]] constexpr bool has(PauseReason reason) const { return (bits_ & bit(reason)) != 0; }
  [[nodiscard]] constexpr bool none() const { return bits_ == 0; }

 private:
  static constexpr std::uint8_t bit(PauseReason reason) {
    return static_cast<std::uint8_t>(reason);
  }

  std::uint8_t bits_ = 0;
};

}  // namespace bonedry::proxy
