#pragma once

#include "proxy/http/head_writer.h"
#include "proxy/http/rules.h"
#include "session/cookie_header.h"

#include <string>
#include <string_view>

/// Messages as the proxy sends them on, into memory.
namespace bonedry::fuzz {

constexpr std::string_view kCookieName = "bonedry";

/// Takes our session cookie out, as PoolRuntime does.
class OwnCookie final : public http::CookieFilter {
 public:
  [[nodiscard]] Kept filter(std::string_view value) const override;
};

/// Everything in a queue, which is empty afterwards: what a socket gets.
[[nodiscard]] std::string drain(SliceQueue& queue);

/// HTTP/1.0 lets a request come without a Host and RFC 9112 has it go on with an empty one, which
/// we would take from nobody. Named, so that what went on can be read again.
[[nodiscard]] http::RequestFacts with_host(http::RequestFacts facts);

/// `cookies` may be null, as in a pool without sticky sessions.
void forward_request(const http::Head& head, const http::RequestFacts& facts,
                     const http::CookieFilter* cookies, http::HeadSink sink);

enum class Client : std::uint8_t { http_1_0, http_1_1 };

/// How Exchange sends an answer on: a length that is not known is told by chunks, or, to a client
/// of HTTP/1.0, by the end of the connection.
[[nodiscard]] http::ResponseWriteOptions extras_for(const http::ResponseFacts& facts,
                                                    Client client);

}  // namespace bonedry::fuzz
