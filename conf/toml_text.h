#pragma once

#include "conf/toml_tree.h"

#include <optional>
#include <string_view>

namespace bonedry::conf {

/// The first thing in a text that no TOML document may have anywhere: bytes that are not UTF-8, and
/// control characters, a carriage return that ends no line among them. Takes any bytes.
[[nodiscard]] std::optional<SyntaxError> first_foreign_character(std::string_view toml);

}  // namespace bonedry::conf
