#include "admin/http_door/response.h"

#include "proxy/base/utc.h"
#include "proxy/http/local_response.h"

#include <array>
#include <chrono>
#include <ctime>

namespace bonedry::admin::http_door {
namespace {

constexpr std::string_view kSafety =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src "
    "'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
std::string http_date(WallTime at) {
  const std::tm date = to_utc(at).date;
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  return {text.data(), size};
}

}  // namespace

Response to_response(const Problem& problem) {
  Response response{problem.status, kProblemJson, render(problem)};
  if (problem.status == 401) response.fields = "WWW-Authenticate: Bearer realm=\"bonedry\"\r\n";
  if (problem.status == 503) response.fields = "Retry-After: 1\r\n";
  return response;
}

std::string render_head(const Response& response, BodyEnd end, WallTime now, Millis hsts) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     std::string(bonedry::http::reason_phrase(response.status)) +
                     "\r\nDate: " + http_date(now) +
                     "\r\nCache-Control: " + std::string(response.cache_control) + "\r\n";
  const bool describes_content = response.status != 304;  // RFC 9110, section 15.4.5
  if (describes_content) head.append("Content-Type: ").append(response.content_type).append("\r\n");
  const bool is_chunked = end == BodyEnd::chunked_then_next || end == BodyEnd::chunked_then_close;
  if (is_chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (end != BodyEnd::close && describes_content) {
    head += "Content-Length: " + std::to_string(response.content().size()) + "\r\n";
  }
  const bool is_last = end != BodyEnd::length_then_next && end != BodyEnd::chunked_then_next;
  if (is_last) head += "Connection: close\r\n";
  head.append(kSafety).append(response.fields);
  if (hsts > Millis{0}) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(hsts).count();
    head += "Strict-Transport-Security: max-age=" + std::to_string(seconds) + "\r\n";
  }
  return head + "\r\n";
}

std::string stream_event(std::string_view name, std::string_view data, std::string_view id) {
  if (data.ends_with('\n')) data.remove_suffix(1);
  std::string text;
  text.reserve(data.size() + name.size() + id.size() + 32);
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  text.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
  return text;
}

}  // namespace bonedry::admin::http_door
