#pragma once

#include "tests/support/http_message.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::test {

/// A request to be written on the wire. Host is added unless `headers` has one.
struct Request {
  std::string method = "GET";
  std::string target = "/";
  Headers headers = {};
  std::string body = {};  ///< with a Content-Length, unless the headers say how it is framed
  std::string version = "HTTP/1.1";

  [[nodiscard]] std::string to_wire() const;
};

/// One chunk on the wire.
[[nodiscard]] std::string chunk(std::string_view bytes);

/// A scripted client on one connection. Every call blocks, but never past its deadline: then it
/// throws TimedOut, and the test fails.
class HttpClient {
 public:
  explicit HttpClient(const std::string& address);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(std::string_view raw, Millis deadline = kDeadline) { socket_.send_all(raw, deadline); }
  /// Each byte as a packet of its own.
  void send_byte_by_byte(std::string_view raw);
  /// The next final response, with the interim ones before it. Throws UnexpectedEnd when the peer
  /// goes before a head. A body that breaks off is told by Response::end.
  [[nodiscard]] Response read_response(std::string_view method = "GET",
                                       Millis deadline = kDeadline);
  /// The same with the body handed to `sink`, for bodies that are not to be kept.
  [[nodiscard]] Response read_response_into(const BodySink& sink, std::string_view method = "GET",
                                            Millis deadline = kDeadline);
  /// The next head alone, interim ones included; its body stays unread.
  [[nodiscard]] Response read_head(Millis deadline = kDeadline);

  Response exchange(const Request& request, Millis deadline = kDeadline);
  Response get(const std::string& target, const Headers& headers = {});

  /// True when the proxy closes the connection within the deadline and has said nothing more.
  [[nodiscard]] bool closed_by_peer(Millis deadline = kDeadline) {
    return reader_.at_end(deadline);
  }
  /// Whether the connection can carry another request, as far as one can see.
  [[nodiscard]] bool is_idle_and_open();

  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Socket socket_;
  MessageReader reader_;
};

/// One browser: a keep-alive connection, opened anew when it was closed, and a cookie jar.
class User {
 public:
  explicit User(std::string address) : address_(std::move(address)) {}

  /// Asks for a page as a browser would, and keeps the cookies that come with it, but for those
  /// that a Max-Age of 0 takes away.
  Response click(const std::string& target = "/", const Headers& headers = {});
  Response send(Request request, Millis deadline = kDeadline);

  /// The same browser, after the shop's address has changed.
  void go_to(std::string address);
  /// Closes the connection, as browsers do now and then; the cookies stay.
  void disconnect() { client_.reset(); }

  [[nodiscard]] std::string cookie(const std::string& name = "bonedry") const;
  [[nodiscard]] bool has_cookie(const std::string& name = "bonedry") const;
  void set_cookie(const std::string& name, const std::string& value) { jar_[name] = value; }
  void forget_cookies() { jar_.clear(); }

  /// The node that answered last, as its X-Node said; "" when the proxy answered by itself.
  [[nodiscard]] const std::string& node() const { return node_; }

 private:
  [[nodiscard]] std::string cookie_header() const;
  void keep_cookies(const Response& response);

  std::string address_;
  std::unique_ptr<HttpClient> client_;
  std::map<std::string, std::string> jar_;
  std::string node_;
};

/// The value that a response sets for a cookie, or nothing.
[[nodiscard]] std::optional<std::string> set_cookie_value(const Response& response,
                                                          std::string_view name = "bonedry");

}  // namespace bonedry::test
