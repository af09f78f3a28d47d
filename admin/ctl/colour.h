#pragma once

#include <string>
#include <string_view>

namespace bonedry::ctl {

/// Whether output to the file may be coloured: it is a terminal, and neither NO_COLOR nor TERM=dumb
/// is set.
[[nodiscard]] bool may_colour(int fd);

/// The table of `status` with its states, health and dryness in colour; columns stay aligned.
[[nodiscard]] std::string coloured(std::string_view status);

}  // namespace bonedry::ctl
