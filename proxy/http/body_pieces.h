#pragma once

#include "proxy/http/head.h"

#include <array>
#include <cstddef>
#include <span>

namespace bonedry::http {

/// Pieces of a body found in one read, by offset and size. Small pieces are joined within the
/// buffer to keep their number low.
struct BodyPieces {
  static constexpr std::size_t kMax = 16;
  std::array<Span, kMax> pieces;
  std::size_t count = 0;
  std::size_t bytes = 0;

  void clear() { count = bytes = 0; }
  [[nodiscard]] std::span<const Span> all() const { return {pieces.data(), count}; }
};

}  // namespace bonedry::http
