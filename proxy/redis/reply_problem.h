#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What is wrong with a server, by what it sends. Each is a line for people that fits behind "the
/// store at 10.0.0.5:6379: ".
namespace bonedry::redis {

/// Decides what an error reply (its whole text) means. Some line: the store cannot be used for now,
/// whatever the command was, and the connection is given up. Nothing: it is the answer to that
/// command, and its sender's business.
[[nodiscard]] std::optional<std::string> store_problem(std::string_view error);

/// What is there instead of a store, by the first bytes of an answer that is not of the protocol.
[[nodiscard]] std::string foreign_program(std::string_view first_bytes);

/// Text of a server as it can be shown in a line: short, printable.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace bonedry::redis
