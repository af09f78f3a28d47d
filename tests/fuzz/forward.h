#pragma once

#include "proxy/http/head_writer.h"
#include "proxy/http/rules.h"
#include "session/cookie_header.h"

#include <string>
#include <string_view>

/// Forwards messages as the proxy does, but into memory.
namespace bonedry::fuzz {

constexpr std::string_view kCookieName = "bonedry";

/// Removes our session cookie, as PoolRuntime does.
class OwnCookie final : public http::CookieFilter {
 public:
  [[nodiscard]] Kept filter(std::string_view value) const override;
};

/// Takes everything out of a queue: the bytes that a socket would get.
[[nodiscard]] std::string drain(SliceQueue& queue);

/// Gives the request a host. An HTTP/1.0 request may come without a Host, and RFC 9112 requires us
/// to forward it with an empty one, which we would refuse. With a host, the forwarded request can
/// be parsed again.
[[nodiscard]] http::RequestFacts with_host(http::RequestFacts facts);

/// `cookies` may be null, as in a pool without sticky sessions.
void forward_request(const http::Head& head, const http::RequestFacts& facts,
                     const http::CookieFilter* cookies, http::HeadSink sink);

/// Whether the next recipient is the last (RFC 9110, section 7.6.2): it answers the request itself.
[[nodiscard]] inline bool ends_at_next(const http::RequestInfo& request) {
  return request.max_forwards == std::uint64_t{1};
}

enum class Client : std::uint8_t { http_1_0, http_1_1 };

/// The options with which Exchange forwards a response: a body of unknown length is framed by
/// chunks or, for an HTTP/1.0 client, by the end of the connection.
[[nodiscard]] http::ResponseWriteOptions extras_for(const http::ResponseFacts& facts,
                                                    Client client);

}  // namespace bonedry::fuzz
