#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Wording shared by all messages to the operator.
namespace bonedry::conf {

/// `text` made safe for a terminal: control characters escaped.
[[nodiscard]] std::string one_line(std::string_view text);

/// `text` between quotation marks, made safe for a terminal: control characters escaped, shortened
/// when longer than 60 bytes.
[[nodiscard]] std::string quote(std::string_view text);

/// "a, b, c".
[[nodiscard]] std::string join(std::span<const std::string_view> words);

/// The candidate that `word` is most likely a misspelling of (fewest letters added, dropped,
/// changed or swapped with their neighbour), if one is close enough to suggest.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

}  // namespace bonedry::conf
