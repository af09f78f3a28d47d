#pragma once

#include "proxy/http/head.h"
#include "proxy/http/message.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin::http_door {

/// HEAD is treated as GET; its response is sent without the body.
enum class Version : std::uint8_t { http_1_0, http_1_1 };

enum class Method : std::uint8_t { get, head, post, other };

/// A request to the HTTP door, as a value.
struct Request {
  Version version = Version::http_1_1;
  Method method = Method::get;
  std::string path;                           ///< without the query, as it was sent
  std::string query;                          ///< without '?'
  std::string host;                           ///< empty only in HTTP/1.0
  std::map<std::string, std::string> fields;  ///< names in lower case; see `field`
  std::string body = {};

  /// Empty when there is none. The values of several fields of one name are joined by ", "
  /// (RFC 9110, section 5.3), so that a second Origin or Authorization makes a wrong value.
  [[nodiscard]] std::string field(std::string_view lower_case_name) const;
  /// The token of "Authorization: Bearer TOKEN" (RFC 6750, section 2.1). Credentials of another
  /// scheme are a token that is wrong.
  [[nodiscard]] std::optional<std::string> token() const;
  /// Whether a field with a list of media types has this one, without parameters. Ranges such as
  /// "*/*" do not count: they are what clients without a preference send.
  [[nodiscard]] bool accepts(std::string_view media_type) const;
};

/// `info` is that of the head. The body is added later.
[[nodiscard]] Request to_request(const bonedry::http::Head& head,
                                 const bonedry::http::RequestInfo& info);

}  // namespace bonedry::admin::http_door
