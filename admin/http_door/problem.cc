#include "admin/http_door/problem.h"

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
                         {"title", phrase(problem.status)},
                         {"status", problem.status},
                         {"detail", problem.detail},
                         {"code", problem.code}};
  return json.dump(-1, ' ', false, ProblemJson::error_handler_t::replace) + "\n";
}

const char* phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Internal Server Error";
  }
}

}  // namespace bonedry::admin::http_door
