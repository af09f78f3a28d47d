#pragma once

#include "proxy/http/head.h"

#include <cstdint>
#include <string_view>

/// What a proxy changes in heads on their way, whatever version of HTTP they are written in.
namespace bonedry::http {

/// Takes what is ours out of the value of a Cookie field.
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

/// Whether what a request itself says of its way to us is believed: X-Forwarded-*, Forwarded, and
/// all that is FieldName::client_info_field.
enum class Trust : std::uint8_t {
  none,       ///< a client may write anything there: dropped
  forwarded,  ///< a trusted proxy wrote it: kept, and continued
};

/// The client of a request, as its node is told.
struct ClientInfo {
  std::string_view address;  ///< empty: nobody, the request is our own
  std::string_view scheme;   ///< "http" or "https"
  Trust trust = Trust::none;
};

/// Which fields tell it: X-Forwarded-For, -Proto and -Host, Forwarded (RFC 7239), or both.
enum class ForwardedFields : std::uint8_t { x_forwarded, rfc7239, both };

/// How we call ourselves in Via (RFC 9110, section 7.6.3). Behind it may stand, as a comment, which
/// cookie is taken out of requests.
constexpr std::string_view kOurVia = "bonedry";

/// Whether the request came through a proxy that calls itself so.
[[nodiscard]] bool passed_through(const Head& head, std::string_view via);

/// What the requests of a pool have in common.
struct RequestEdits {
  const CookieFilter* cookies = nullptr;  ///< nullptr: Cookie goes on as it came
  ForwardedFields forwarded = ForwardedFields::x_forwarded;
  std::string_view via = kOurVia;  ///< what our entry in Via says of us
};

/// What is told to shared caches beside an added Set-Cookie (RFC 9111, section 5.2.2).
enum class CacheAdvice : std::uint8_t { as_is, make_private, no_cache };

/// What is changed in one response.
struct ResponseEdits {
  std::string_view set_cookie;             ///< value of a field to add, or empty
  std::string_view removed_field;          ///< name of a field that does not go on, or empty
  CacheAdvice cache = CacheAdvice::as_is;  ///< only with set_cookie
};

}  // namespace bonedry::http
