#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <string>
#include <string_view>

/// Text that is safe to show to people, whatever the input was.
namespace bonedry::admin {

/// Escapes everything that a terminal could interpret or hide: control characters, bytes that are
/// not UTF-8, characters that change the writing direction ("\x1b", "\u{202e}"). One line stays one
/// line. A backslash is left alone, so the result is for display, not for parsing.
[[nodiscard]] std::string printable(std::string_view text);

/// The same for text that may have several lines, which stay lines.
[[nodiscard]] std::string printable_text(std::string_view text);

/// Whether the text has a byte below 0x20 or the byte 0x7f.
[[nodiscard]] bool has_control(std::string_view text);

/// How many columns printable text takes on a terminal, taking each character as one wide.
[[nodiscard]] std::size_t columns(std::string_view text);

/// At most `width` columns of the text; an ellipsis marks what was cut.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t width);

enum class Precision : std::uint8_t { seconds, millis };

/// "2023-11-14T22:13:20Z" or "2023-11-14T22:13:20.000Z" (RFC 3339, UTC). jq can read only
/// whole seconds.
[[nodiscard]] std::string rfc3339(WallTime at, Precision precision);

/// An error as one line, on the socket and on stderr: "error: …\n".
[[nodiscard]] std::string error_line(std::string_view text);

}  // namespace bonedry::admin
