#pragma once

#include "proxy/base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The commands that tools for HAProxy send (its "runtime API"): HAProxy's management.txt, 9.3.
/// docs/haproxy.md says which of them bonedry has.
namespace bonedry::admin::haproxy {

/// Most words of one command: as many as HAProxy takes (MAX_CLI_ARGS). What bounds the commands of
/// a line is the length of a line.
constexpr std::size_t kMaxWords = 64;

/// One command: its words, at least one.
using Words = std::vector<std::string>;

/// Whether a line of the admin socket is HAProxy's: its first word is one of HAProxy's, it names a
/// worker ("@1 show info"), or it has a word of ours and then another command ("help;show stat").
[[nodiscard]] bool is_haproxy_line(std::string_view line);

/// Splits a line into commands at ';', and these into words at spaces and tabs. A backslash makes
/// the next character part of a word, whatever it is. Commands without words are left out, and so
/// is the worker that a command is for ("@1"), since there is one process. The error is one line
/// for people.
[[nodiscard]] Result<std::vector<Words>> split_commands(std::string_view line);

/// A word as a whole decimal number.
[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view word);

/// The words as a command that `split_commands` reads back.
[[nodiscard]] std::string to_line(const Words& words);

}  // namespace bonedry::admin::haproxy
