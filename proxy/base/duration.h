#pragma once

#include "proxy/base/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace bonedry {

/// The longest duration that config and commands accept: ten years. Sums of such durations cannot
/// overflow.
constexpr Millis kMaxDuration = std::chrono::hours{24 * 3660};

/// Reads "250ms", "90s", "20m", "12h", "7d" or a sum such as "1h30m"; "0" alone is zero.
/// Nothing else: no spaces, signs, fractions or bare numbers.
[[nodiscard]] std::optional<Millis> parse_duration(std::string_view text);

/// For people, in the two largest units that matter: "1h30m", "20m", "12s", "1.5s", "250ms".
[[nodiscard]] std::string format_duration(Millis duration);

}  // namespace bonedry
