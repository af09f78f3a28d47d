#pragma once

#include "proxy/http/head.h"

#include <cstdint>
#include <string_view>

/// The changes that a proxy makes to heads, independent of the HTTP version.
namespace bonedry::http {

/// Removes our own cookies from the value of a Cookie field.
class CookieFilter {
 public:
  struct Kept {
    std::string_view before;
    std::string_view after;
    bool changed = false;
  };
  virtual ~CookieFilter() = default;
  [[nodiscard]] virtual Kept filter(std::string_view value) const = 0;
};

/// Whether the fields of a request that state where it came from are believed: X-Forwarded-*,
/// Forwarded and all that are FieldName::client_info_field.
enum class Trust : std::uint8_t {
  none,       ///< a client may write anything there: they are dropped
  forwarded,  ///< a trusted proxy wrote them: they are kept and extended
};

/// The client of a request, as reported to the node.
struct ClientInfo {
  std::string_view address;  ///< empty: no client, the request is our own
  std::string_view scheme;   ///< "http" or "https"
  Trust trust = Trust::none;
  /// The fields of RFC 9440 that show its certificate, as "Name: value\r\n" lines; empty: it has
  /// shown none to us.
  std::string_view certificate = {};
};

/// Which fields report it: X-Forwarded-For, -Proto and -Host, Forwarded (RFC 7239), or both.
enum class ForwardedFields : std::uint8_t { x_forwarded, rfc7239, both };

/// Our name in Via (RFC 9110, section 7.6.3). A Via comment may follow that names the cookie which
/// is removed from requests.
constexpr std::string_view kOurVia = "bonedry";

/// Whether the request came through a proxy with this name in Via.
[[nodiscard]] bool passed_through(const Head& head, std::string_view via);

/// Edits that all requests of a pool have in common.
struct RequestEdits {
  const CookieFilter* cookies = nullptr;  ///< nullptr: Cookie is forwarded unchanged
  ForwardedFields forwarded = ForwardedFields::x_forwarded;
  std::string_view via = kOurVia;  ///< our name in Via, and the comment if there is one
  /// Written as X-Request-Id in place of any that was received; empty: received ones stay.
  std::string_view request_id = {};
};

/// What Cache-Control tells shared caches if a Set-Cookie is added (RFC 9111, section 5.2.2).
enum class CacheAdvice : std::uint8_t { as_is, make_private, no_cache };

/// Edits of one response.
struct ResponseEdits {
  std::string_view set_cookie;             ///< value of a Set-Cookie field to add, or empty
  std::string_view removed_field;          ///< name of a field to remove, or empty
  CacheAdvice cache = CacheAdvice::as_is;  ///< only with set_cookie
  std::string_view request_id = {};        ///< as in RequestEdits
};

}  // namespace bonedry::http
