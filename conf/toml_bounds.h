#pragma once

#include <cstddef>
#include <string_view>

namespace bonedry::conf {

constexpr std::size_t kMaxKeyParts = 16;  ///< of one dotted key
constexpr std::size_t kMaxNesting = 16;   ///< of arrays and inline tables

/// The first line (from 1) whose keys have more parts or whose values are nested deeper than that,
/// since the parser's recursion would be as deep; 0 if there is none. Accepts any bytes.
[[nodiscard]] unsigned first_line_too_deep(std::string_view toml);

}  // namespace bonedry::conf
