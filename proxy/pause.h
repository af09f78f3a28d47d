#pragma once

#include <cstdint>

namespace bonedry::proxy {

/// Why reading from one side of an exchange is paused.
enum class PauseReason : std::uint8_t {
  no_node = 1,    ///< there is no connection to a node yet
  congested = 2,  ///< backpressure: the other side does not take what was read
  dropped = 4,    ///< the rest is not needed any more
  ended = 8,      ///< the side has ended, and level-triggered epoll would report it repeatedly
};

/// A set of reasons; reading goes on when it is empty. Adding a reason twice is the same as once.
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
