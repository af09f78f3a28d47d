#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <string>
#include <string_view>

/// Text that is safe to show to people, whatever the input was.
namespace bonedry::admin {

/// The text with everything that a terminal could obey or hide written out: control characters,
/// bytes that are not UTF-8, marks that turn the direction of writing ("\x1b", "\u{202e}"). One
/// line stays one line. A backslash is left alone, so the result is for eyes, not for parsing.
[[nodiscard]] std::string printable(std::string_view text);

/// The same for text that may have several lines, which stay lines.
[[nodiscard]] std::string printable_text(std::string_view text);

/// Whether there is a byte below 0x20 or 0x7f in it.
[[nodiscard]] bool has_control(std::string_view text);

/// How many columns printable text takes on a terminal, taking each character as one wide.
[[nodiscard]] std::size_t columns(std::string_view text);

/// At most `width` columns of it; what was cut shows as an ellipsis.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t width);

enum class Precision : std::uint8_t { seconds, millis };

/// "2023-11-14T22:13:20Z" or "2023-11-14T22:13:20.000Z" (RFC 3339, UTC). Whole seconds are what jq
/// can read.
[[nodiscard]] std::string rfc3339(WallTime at, Precision precision);

/// The one line that an error is, on the socket and on stderr: "error: …\n".
[[nodiscard]] std::string error_line(std::string_view text);

}  // namespace bonedry::admin
