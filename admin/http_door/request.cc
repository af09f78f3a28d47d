#include "admin/http_door/request.h"

#include "proxy/base/ascii.h"

#include <algorithm>

namespace bonedry::admin::http_door {
namespace {

constexpr std::string_view kBearer = "bearer ";

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = ascii::to_lower(c);
  return lower;
}

Method method_of(std::string_view text) {
  if (text == "GET") return Method::get;
  if (text == "HEAD") return Method::head;
  return text == "POST" ? Method::post : Method::other;
}

}  // namespace

std::string Request::field(std::string_view lower_case_name) const {
  const auto found = fields.find(std::string(lower_case_name));
  return found == fields.end() ? "" : found->second;
}

std::optional<std::string> Request::token() const {
  if (!fields.contains("authorization")) return std::nullopt;
  const std::string value = field("authorization");
  if (lower_case(value).starts_with(kBearer)) {
    return std::string(ascii::trimmed(std::string_view(value).substr(kBearer.size())));
  }
  return value;
}

bool Request::accepts(std::string_view media_type) const {
  bool found = false;
  bonedry::http::each_element(field("accept"), [&](std::string_view element) {
    const std::size_t end = std::min(element.find(';'), element.size());
    const std::string_view range = ascii::trimmed(element.substr(0, end));
    const bool refused = lower_case(element.substr(end)).ends_with("q=0");
    if (bonedry::http::equal_ignoring_case(range, media_type)) found = !refused;
  });
  return found;
}

Request to_request(const bonedry::http::Head& head, const bonedry::http::RequestInfo& info) {
  Request request;
  if (head.http_1_0()) request.version = Version::http_1_0;
  request.method = method_of(head.text(head.method));
  const std::size_t mark = info.path.find('?');
  request.path = info.path.substr(0, mark);
  if (mark != std::string_view::npos) request.query = info.path.substr(mark + 1);
  request.host = info.host;
  for (const bonedry::http::Field& field : head.fields) {
    const auto [at, is_new] =
        request.fields.emplace(lower_case(head.name(field)), head.value(field));
    if (!is_new) at->second.append(", ").append(head.value(field));
  }
  return request;
}

}  // namespace bonedry::admin::http_door
