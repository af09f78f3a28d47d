#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace bonedry::session {

/// A cookie pair inside the value of one Cookie field (RFC 6265, section 4.2.1), and what is left
/// of the field without it.
struct CookieInField {
  std::string_view value;
  /// The text before and after the pair, such that `before` + `after` is the field without it.
  /// Both empty: the field contains nothing else.
  std::string_view before;
  std::string_view after;
};

/// The first pair of this name. Lenient about whitespace, as servers are: a pair that this does not
/// find would not be read as our cookie by a node either.
[[nodiscard]] std::optional<CookieInField> find_cookie(std::string_view field,
                                                       std::string_view name);

}  // namespace bonedry::session
