#pragma once

#include "admin/command_line.h"
#include "admin/command_table.h"
#include "admin/http_door/problem.h"
#include "admin/http_door/request.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

/// Commands of the table as HTTP requests: the command's name is the path below /v1/, its words are
/// query parameters (GET) or members of a JSON object (POST).
namespace bonedry::admin::http_door {

constexpr std::string_view kApi = "/v1/";

/// How the door answers a command.
enum class Delivery : std::uint8_t {
  document,  ///< one JSON object
  stream,    ///< server-sent events, until the client or the command ends
};

/// Whether a command is one of the door: those that bonedryctl needs for itself are not.
[[nodiscard]] bool has_request(const Command& command);
/// Which methods a command may be asked with. Commands that change nothing are read with GET;
/// options that need more than reading are only accepted with POST.
[[nodiscard]] bool allows_get(const Command& command);
[[nodiscard]] bool allows_post(const Command& command);
/// Whether the command can be a stream.
[[nodiscard]] bool can_stream(const Command& command);
/// Whether an option concerns terminals only, or is said in another way here.
[[nodiscard]] bool is_left_out(const Option& option);
/// Name of an argument: "node" for NODE.
[[nodiscard]] std::string argument_name(const Positional& positional);

struct CommandRequest {
  CommandLine line;
  Delivery delivery = Delivery::document;
};

/// The command of a request whose path begins with kApi. 404: no such command; 405; 415: a POST
/// whose Content-Type is not application/json; 400: anything else that is wrong.
[[nodiscard]] Result<CommandRequest, Problem> to_command(const Request& request);

/// "GET, HEAD" and the like, for the Allow field of a 405.
[[nodiscard]] std::string allowed_methods(const Command& command);

}  // namespace bonedry::admin::http_door
