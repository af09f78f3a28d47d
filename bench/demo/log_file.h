#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace bonedry::demo {

/// The port that follows `prefix` in a program's log; 0: there is no such line yet.
[[nodiscard]] std::uint16_t logged_port(const std::filesystem::path& log, std::string_view prefix);

/// The last lines of a program's log, indented.
[[nodiscard]] std::string log_tail(const std::filesystem::path& log);

}  // namespace bonedry::demo
