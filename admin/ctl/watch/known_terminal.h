#pragma once

namespace bonedry::ctl {

/// Whether the database of terminals knows $TERM. ncurses' newterm leaks where it does not.
[[nodiscard]] bool is_known_terminal();

}  // namespace bonedry::ctl
