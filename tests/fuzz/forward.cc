#include "tests/fuzz/forward.h"

#include <sys/uio.h>

#include <span>

namespace bonedry::fuzz {

using http::FramingKind;
using http::Persistence;

OwnCookie::Kept OwnCookie::filter(std::string_view value) const {
  const auto found = session::find_cookie(value, kCookieName);
  if (!found) return {};
  return {found->before, found->after, true};
}

std::string drain(SliceQueue& queue) {
  std::string text;
  while (!queue.empty()) {
    iovec vector{};
    (void)queue.gather({&vector, 1});
    text.append(static_cast<const char*>(vector.iov_base), vector.iov_len);
    queue.consume(vector.iov_len);
  }
  return text;
}

http::RequestFacts with_host(http::RequestFacts facts) {
  if (facts.host.empty()) facts.host = "none";
  return facts;
}

void forward_request(const http::Head& head, const http::RequestFacts& facts,
                     const http::CookieFilter* cookies, http::HeadSink sink) {
  http::write_request_head(head, facts, {"192.0.2.1", "http"}, {cookies}, sink);
}

http::ResponseWriteOptions extras_for(const http::ResponseFacts& facts, Client client) {
  http::ResponseWriteOptions options;
  options.framing = facts.framing.kind;
  options.to_http_1_0 = client == Client::http_1_0;
  if (options.framing == FramingKind::chunked || options.framing == FramingKind::until_close) {
    options.framing = options.to_http_1_0 ? FramingKind::until_close : FramingKind::chunked;
  }
  options.persistence =
      options.framing == FramingKind::until_close ? Persistence::close : Persistence::keep_alive;
  return options;
}

}  // namespace bonedry::fuzz
