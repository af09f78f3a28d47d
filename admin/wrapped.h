#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bonedry::admin {

/// Width to which help is wrapped where no terminal says otherwise.
constexpr std::size_t kUsualWidth = 80;

/// Wraps lines longer than `width` columns between words. What follows is indented as the last
/// column of the line, which begins after two or more spaces; else as the line itself.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t width);

}  // namespace bonedry::admin
