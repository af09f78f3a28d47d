#pragma once

#include "conf/toml_tree.h"

#include <optional>
#include <string_view>

namespace bonedry::conf {

/// The first character that TOML allows nowhere: invalid UTF-8, or a control character, including a
/// carriage return that does not end a line. Accepts any bytes.
[[nodiscard]] std::optional<SyntaxError> first_foreign_character(std::string_view toml);

}  // namespace bonedry::conf
