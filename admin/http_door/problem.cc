#include "admin/http_door/problem.h"

#include "proxy/http/local_response.h"

#include <nlohmann/json.hpp>

namespace bonedry::admin::http_door {
namespace {

int status_of(ErrorCode code, Shown shown) {
  switch (code) {
    case ErrorCode::invalid:
    case ErrorCode::ambiguous:
      return 400;
    case ErrorCode::forbidden:
      return shown == Shown::token ? 403 : 401;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::guard_refused:
    case ErrorCode::not_ready:
    case ErrorCode::conflict:
    case ErrorCode::needs_restart:
      return 409;
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::unacknowledged:
      return 504;
    case ErrorCode::no_room:
    case ErrorCode::storage_failed:
      return 507;
    case ErrorCode::failed:
      return 500;
  }
  return 500;
}

}  // namespace

Problem to_problem(const CommandError& error, Shown shown) {
  return problem(status_of(error.code, shown), error.code, error.text);
}

std::string render(const Problem& problem) {
  using ProblemJson = nlohmann::ordered_json;
  const ProblemJson json{{"type", "about:blank"},
                         {"title", bonedry::http::reason_phrase(problem.status)},
                         {"status", problem.status},
                         {"detail", problem.detail},
                         {"code", problem.code}};
  return json.dump(-1, ' ', false, ProblemJson::error_handler_t::replace) + "\n";
}

}  // namespace bonedry::admin::http_door
