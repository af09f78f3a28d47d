#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Reads what a server says of itself (INFO). Pure.
namespace bonedry::redis {

/// The value of a field; empty if there is none of this name.
[[nodiscard]] std::string_view info_field(std::string_view info, std::string_view name);

/// Why the server cannot be the store, as a line for people; nothing: it can.
[[nodiscard]] std::optional<std::string> info_problem(std::string_view info);

/// The same of a server that a connection begins with: one that is all but full is full as well.
/// Otherwise a store that was lost by being full would be taken for well again each time that this
/// connection, and what came over it, has given back a little memory.
[[nodiscard]] std::optional<std::string> first_info_problem(std::string_view info);

}  // namespace bonedry::redis
