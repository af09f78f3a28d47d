#pragma once

#include <cstdint>

namespace bonedry::http2 {

/// Frames of a session.
struct SessionCounts {
  std::uint64_t resets_received = 0;
  std::uint64_t resets_sent = 0;
  std::uint64_t refused = 0;  ///< of these resets: REFUSED_STREAM, which is a server's
  std::uint64_t goaways_received = 0;
  std::uint64_t goaways_sent = 0;

  friend bool operator==(const SessionCounts&, const SessionCounts&) = default;
};

}  // namespace bonedry::http2
