#pragma once

#include <string>
#include <string_view>

namespace bonedry::ctl {

/// Whether the file is a terminal that may be coloured: not with NO_COLOR or TERM=dumb.
[[nodiscard]] bool may_colour(int fd);

/// The table of `status` with its states, healths and dryness in colour, columns as they were.
[[nodiscard]] std::string coloured(std::string_view status);

}  // namespace bonedry::ctl
