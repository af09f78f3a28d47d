#pragma once

#include "proxy/base/ascii.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin::access {

/// A token is the first word of a line of the admin socket: "token:SECRET status". So it works with
/// every command, HAProxy's as well.
constexpr std::string_view kTokenPrefix = "token:";

/// A line with its token, or without.
struct Presented {
  std::optional<std::string_view> token;  ///< what was presented, right or wrong
  std::string_view command;               ///< the rest of the line
};

/// Both parts refer to `line`.
[[nodiscard]] inline Presented split_token(std::string_view line) {
  const auto first_of = [](std::string_view text, auto wanted) {
    return static_cast<std::size_t>(std::ranges::find_if(text, wanted) - text.begin());
  };
  const auto is_word = [](char c) { return !ascii::is_blank(c); };
  const std::string_view text = line.substr(first_of(line, is_word));
  if (!text.starts_with(kTokenPrefix)) return {std::nullopt, line};
  const std::size_t end = first_of(text, ascii::is_blank);
  return {text.substr(kTokenPrefix.size(), end - kTokenPrefix.size()), text.substr(end)};
}

/// A line as `split_token` reads it. `token`: see conf::token_error; empty: none.
[[nodiscard]] inline std::string with_token(std::string_view token, std::string_view command) {
  if (token.empty()) return std::string(command);
  return std::string(kTokenPrefix) + std::string(token) + " " + std::string(command);
}

}  // namespace bonedry::admin::access
