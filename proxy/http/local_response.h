#pragma once

#include "proxy/http/rules.h"

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::http {

/// The registered phrase of a status; empty: it has none that is in use.
[[nodiscard]] std::string_view reason_phrase(int status);

/// The Allow field of a 405 and of the response to OPTIONS. Other methods that llhttp knows are
/// accepted as well.
constexpr std::string_view kAllowField = "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n";
/// The value of that field.
constexpr std::string_view kAllowedMethods =
    kAllowField.substr(std::string_view("Allow: ").size(),
                       kAllowField.size() - std::string_view("Allow: \r\n").size());
/// The body of a response of our own.
[[nodiscard]] std::string content_of(const LocalResponse& response);

/// A response that bonedry makes itself.
struct Http1LocalResponse {
  int status = 500;
  std::string_view text;       ///< one line for people, without a line end
  std::string_view fields;     ///< further "Name: value\r\n" lines, or empty
  std::string_view hsts = {};  ///< value of Strict-Transport-Security, or empty
  Persistence persistence = Persistence::close;
  RequestKind request_kind = RequestKind::other;  ///< the response to HEAD has no body
  std::optional<std::string_view> content = {};   ///< the body, instead of `text`
  std::string_view content_type = kOctets;        ///< of `content`
};
[[nodiscard]] std::string render(const Http1LocalResponse& reply);

}  // namespace bonedry::http
