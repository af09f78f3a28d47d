#pragma once

#include "proxy/base/clock.h"

#include <array>
#include <chrono>
#include <optional>

namespace bonedry::conf {

/// Operators are warned of a certificate when less than this is left of its time.
inline constexpr std::array<Millis, 5> kExpiryWarnings{std::chrono::days{14}, std::chrono::days{7},
                                                       std::chrono::days{3}, std::chrono::days{1},
                                                       Millis{0}};

/// The last of kExpiryWarnings that a certificate with these times has reached; nothing: it is too
/// early to warn of it.
[[nodiscard]] std::optional<Millis> reached_warning(WallTime not_before, WallTime not_after,
                                                    WallTime now);

}  // namespace bonedry::conf
