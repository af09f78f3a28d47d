#pragma once

#include "proxy/http/head.h"

#include <cstdint>
#include <string>
#include <string_view>

/// Where requests have their passes, and what is left of a target without one.
namespace bonedry::proxy {

/// The parameter of the URL that is a pass.
constexpr std::string_view kPassParameter = "bonedry-pass";
/// The value that ends the pass of a browser.
constexpr std::string_view kEndOfPass = "off";

/// The pass of one request. A URL is stronger than a field, and a field stronger than cookies: what
/// this request asks for counts more than what the browser remembers. `value` is part of the head.
struct PassInRequest {
  enum class Place : std::uint8_t {
    none,
    query,
    field,
    cookie,  ///< there may be several, see `each_cookie`
  } place = Place::none;
  std::string_view value;  ///< of query or field: the first one
  enum class Count : std::uint8_t { one, several } count = Count::one;
};

/// `path`: with the query. `cookie`: name of the cookie with the pool's passes.
[[nodiscard]] PassInRequest find_pass(const http::Head& request, std::string_view path,
                                      std::string_view cookie);

/// Whether a target, in whatever form, has the parameter.
[[nodiscard]] bool has_pass_parameter(std::string_view target);
/// The target without the parameter; all else stays as it is, in its order.
[[nodiscard]] std::string without_pass(std::string_view target);
/// `without_pass` for the Location of a redirect to the same host. RFC 3986, 4.2: a reference that
/// begins with "//" would name another host; browsers take a backslash for a slash.
[[nodiscard]] std::string location_without_pass(std::string_view path);

}  // namespace bonedry::proxy
