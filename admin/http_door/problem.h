#pragma once

#include "admin/command_result.h"

#include <cstdint>
#include <string>

namespace bonedry::admin::http_door {

/// Why a request is not answered.
struct Problem {
  int status = 400;
  std::string detail;  ///< one line for people
  std::string code;    ///< name of an ErrorCode, for programs
};

/// Whether the sender has shown a token.
enum class Shown : std::uint8_t { no_token, token };

/// The error of a command. Without a token, what is forbidden is 401: a token may allow it.
[[nodiscard]] Problem to_problem(const CommandError& error, Shown shown);
[[nodiscard]] inline Problem problem(int status, ErrorCode code, std::string detail) {
  return {status, std::move(detail), to_string(code)};
}

/// Problem details (RFC 9457): {"type","title","status","detail","code"} and a line end.
[[nodiscard]] std::string render(const Problem& problem);

}  // namespace bonedry::admin::http_door
