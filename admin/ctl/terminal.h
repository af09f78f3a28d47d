#pragma once

#include <cstddef>
#include <optional>

namespace bonedry::ctl {

/// How many columns the terminal on this descriptor has; empty: it is none, or does not say.
[[nodiscard]] std::optional<std::size_t> terminal_width(int fd);

}  // namespace bonedry::ctl
