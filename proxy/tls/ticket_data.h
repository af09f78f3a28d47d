#pragma once

#include "proxy/base/clock.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace bonedry::tls {

/// What a ticket contains beside the session: when the client shook hands in full, and for which
/// host.
struct TicketData {
  // However often it is renewed: with the time, more people may have got hold of the keys of a
  // session (RFC 8446, 4.6.1), and a client certificate may have been revoked.
  static constexpr Millis kMaxAge = std::chrono::hours{24};

  WallTime started;
  std::string host;

  [[nodiscard]] std::string serialize() const { return std::to_string(started.ms) + " " + host; }
  [[nodiscard]] static std::optional<TicketData> parse(std::string_view text) {
    TicketData data;
    const char* const end = text.data() + text.size();
    const auto number = std::from_chars(text.data(), end, data.started.ms);
    if (number.ec != std::errc{} || number.ptr == end || *number.ptr != ' ') return std::nullopt;
    data.host.assign(number.ptr + 1, end);
    return data;
  }
  /// Not if the clock has been set back, either.
  [[nodiscard]] bool is_fresh(WallTime now) const {
    return now >= started && now - started < kMaxAge;
  }
};

}  // namespace bonedry::tls
