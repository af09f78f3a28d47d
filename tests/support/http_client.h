#pragma once

#include "bench/demo/cookie_jar.h"
#include "tests/support/http_message.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::test {

/// A request to send. Host is added unless `headers` has one.
struct Request {
  std::string method = "GET";
  std::string target = "/";
  Headers headers = {};
  std::string body = {};  ///< sent with a Content-Length, unless `headers` has a framing
  std::string version = "HTTP/1.1";

  [[nodiscard]] std::string to_wire() const;
};

/// The bytes as one chunk of a chunked body.
[[nodiscard]] std::string chunk(std::string_view bytes);

/// A scripted client on one connection. Every call blocks at most until its deadline; then it
/// throws TimedOut, and the test fails.
class HttpClient {
 public:
  explicit HttpClient(const std::string& address);  ///< TLS: see story_tls.h
  /// Over TLS if `tls` has a value. Throws as Socket::start_tls does.
  HttpClient(const std::string& address, const std::optional<TlsClient>& tls);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(std::string_view raw, Millis deadline = kDeadline) { socket_.send_all(raw, deadline); }
  /// Sends each byte as a packet of its own.
  void send_byte_by_byte(std::string_view raw);
  /// The next final response, with the interim ones before it. Throws UnexpectedEnd when the peer
  /// closes before a head. Response::end shows a body that was cut off.
  [[nodiscard]] Response read_response(std::string_view method = "GET",
                                       Millis deadline = kDeadline);
  /// The same with the body passed to `sink`, for bodies that are not to be kept.
  [[nodiscard]] Response read_response_into(const BodySink& sink, std::string_view method = "GET",
                                            Millis deadline = kDeadline);
  /// Only the next head, which may be interim; its body stays unread.
  [[nodiscard]] Response read_head(Millis deadline = kDeadline);

  Response exchange(const Request& request, Millis deadline = kDeadline);
  Response get(const std::string& target, const Headers& headers = {});

  /// True when the proxy closes the connection within the deadline and sends nothing before.
  [[nodiscard]] bool closed_by_peer(Millis deadline = kDeadline) {
    return reader_.at_end(deadline);
  }
  /// Whether the connection looks reusable: nothing to read, and not closed by the peer.
  [[nodiscard]] bool is_idle_and_open();

  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Socket socket_;
  MessageReader reader_;
};

/// One browser: a keep-alive connection, reopened when it was closed, and a cookie jar.
class User {
 public:
  explicit User(std::string address);  ///< TLS: see story_tls.h
  /// Over TLS if `tls` has a value. Cookies are kept as without it: the jar ignores Secure.
  User(std::string address, std::optional<TlsClient> tls)
      : address_(std::move(address)), tls_(std::move(tls)) {}

  /// Requests a page as a browser would, and stores the cookies of the response.
  Response click(const std::string& target = "/", const Headers& headers = {});
  Response send(Request request, Millis deadline = kDeadline);

  /// Continues as the same browser after the shop's address has changed.
  void go_to(std::string address);
  /// Closes the connection, as browsers do now and then; the cookies stay.
  void disconnect() { client_.reset(); }

  /// The cookie's value; "" when there is no such cookie.
  [[nodiscard]] std::string cookie(const std::string& name = "bonedry") const {
    return cookies_.value(name);
  }
  [[nodiscard]] bool has_cookie(const std::string& name = "bonedry") const {
    return cookies_.has(name);
  }
  void set_cookie(const std::string& name, const std::string& value) { cookies_.set(name, value); }
  void forget_cookies() { cookies_.clear(); }

  /// The node that served the last click, from its X-Node; "" when the proxy responded itself.
  [[nodiscard]] const std::string& node() const { return node_; }

 private:
  std::string address_;
  std::optional<TlsClient> tls_;
  std::unique_ptr<HttpClient> client_;
  demo::CookieJar cookies_;
  std::string node_;
};

/// The value that a response sets for a cookie, or nothing.
[[nodiscard]] std::optional<std::string> set_cookie_value(const Response& response,
                                                          std::string_view name = "bonedry");

}  // namespace bonedry::test
