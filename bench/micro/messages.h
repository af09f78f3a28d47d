#pragma once

#include "proxy/base/block.h"
#include "proxy/http/head.h"
#include "proxy/http/parser.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace bonedry::micro {

/// A request as load generators and health checks send it: 68 bytes, 3 fields.
constexpr std::string_view kSmallRequest =
    "GET /a HTTP/1.1\r\n"
    "Host: shop.example\r\n"
    "User-Agent: wrk\r\n"
    "Accept: */*\r\n"
    "\r\n";

/// Stands for our cookie's value in a Cookie field: 60 characters of base64url.
constexpr std::string_view kSessionValue =
    "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI0";

/// The Cookie field of a browser with three other cookies.
[[nodiscard]] std::string cookie_field();

/// A browser's request for a page, from a user with a session: 13 fields.
[[nodiscard]] std::string browser_request();

/// An application's response: 9 fields, a body of known length.
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Tue, 24 Nov 2026 16:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 5120\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: private, max-age=0, must-revalidate\r\n"
    "ETag: \"5f3c1e7a-1400\"\r\n"
    "Vary: Accept-Encoding\r\n"
    "X-Request-Id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n"
    "Server: app\r\n"
    "\r\n";

/// A head in a block, parsed again and again as a connection would.
class Message {
 public:
  Message(http::Parser::Kind kind, std::string_view text);

  /// Discards the last exchange and parses the head.
  http::ParseStatus parse() {
    parser_.start();
    head_.clear();
    head_.block = block_;
    return parser_.parse_head(block_->data(), size_, limits_, head_);
  }

  [[nodiscard]] const http::Head& head() const { return head_; }

 private:
  BlockPool pool_;
  BlockRef block_;
  std::size_t size_;
  http::HeadLimits limits_;
  http::Parser parser_;
  http::Head head_;
};

}  // namespace bonedry::micro
