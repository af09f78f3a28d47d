#include "proxy/http/local_response.h"

namespace bonedry::http {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 308:
      return "Permanent Redirect";
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
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
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

std::string content_of(const LocalResponse& response) {
  if (response.content) return *response.content;
  return std::to_string(response.status) + " " + std::string(reason_phrase(response.status)) +
         ": " + std::string(response.text) + "\n";
}

std::string render(const Http1LocalResponse& reply) {
  const std::string status =
      std::to_string(reply.status) + " " + std::string(reason_phrase(reply.status));
  const std::string body =
      reply.content ? std::string(*reply.content) : status + ": " + std::string(reply.text) + "\n";
  const std::string type(reply.content ? reply.content_type : kPlainText);
  std::string out = "HTTP/1.1 " + status + "\r\nContent-Type: " + type +
                    "\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\nCache-Control: no-store\r\n";
  out += reply.fields;
  if (!reply.hsts.empty()) {
    out.append("Strict-Transport-Security: ").append(reply.hsts).append("\r\n");
  }
  if (reply.persistence == Persistence::close) out += "Connection: close\r\n";
  out += "\r\n";
  if (reply.request_kind != RequestKind::head) out += body;
  return out;
}

}  // namespace bonedry::http
