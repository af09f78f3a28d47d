#include "admin/http_door/same_origin.h"

#include "proxy/base/ascii.h"

#include <string_view>

namespace bonedry::admin::http_door {
namespace {

/// "localhost" in any case and with or without the dot at its end, names below it (RFC 6761,
/// section 6.3), 127.0.0.0/8, [::1].
bool is_this_machine(std::string_view host) {
  std::string_view name = bonedry::http::name_of_host(host);
  if (name == "[::1]") return true;
  if (name.starts_with("127.")) {
    return name.find_first_not_of("0123456789.") == std::string_view::npos;
  }
  if (name.ends_with('.')) name.remove_suffix(1);
  constexpr std::string_view kLocalhost = "localhost";
  if (name.size() < kLocalhost.size()) return false;
  const std::string_view end = name.substr(name.size() - kLocalhost.size());
  if (!bonedry::http::equal_ignoring_case(end, kLocalhost)) return false;
  return end.size() == name.size() || name[name.size() - end.size() - 1] == '.';
}

/// Whether the origin is that of requests to this Host. One port serves one scheme only.
bool is_origin_of(std::string_view origin, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!origin.starts_with(scheme)) continue;
    return bonedry::http::equal_ignoring_case(origin.substr(scheme.size()), host);
  }
  return false;
}

Problem refusal(std::string detail) {
  return problem(403, ErrorCode::forbidden, std::move(detail));
}

}  // namespace

std::optional<Problem> cross_origin_problem(const Request& request, Reach reach, Purpose purpose) {
  if (reach == Reach::loopback && !request.host.empty() && !is_this_machine(request.host)) {
    return problem(421, ErrorCode::forbidden,
                   "the Host of the request is not this machine; use localhost or 127.0.0.1");
  }
  if (purpose == Purpose::page) return std::nullopt;
  const std::string site = request.field("sec-fetch-site");
  // "none": the user has typed the address, which only reads.
  const bool typed = site == "none" && purpose == Purpose::read;
  if (!site.empty() && site != "same-origin" && !typed) {
    return refusal("the request comes from a page of another origin (Sec-Fetch-Site)");
  }
  const std::string origin = request.field("origin");
  if (site.empty() && !origin.empty() && !is_origin_of(origin, request.host)) {
    return refusal("the request comes from a page of another origin (Origin)");
  }
  return std::nullopt;
}

}  // namespace bonedry::admin::http_door
