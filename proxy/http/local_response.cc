#include "proxy/http/local_response.h"

#include <algorithm>
#include <array>

namespace bonedry::http {

namespace {

struct Phrase {
  int status;
  std::string_view text;
};

// By status.
constexpr auto kPhrases = std::to_array<Phrase>({
    {100, "Continue"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
});

}  // namespace

std::string_view reason_phrase(int status) {
  const auto found = std::ranges::lower_bound(kPhrases, status, {}, &Phrase::status);
  return found != kPhrases.end() && found->status == status ? found->text : std::string_view{};
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
