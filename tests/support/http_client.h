#pragma once

#include "tests/support/http_message.h"

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

/// A client's connection, whatever version of HTTP it speaks.
class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  virtual Response exchange(const Request& request, Millis deadline) = 0;
  /// Whether another request may be sent: open, and the peer has not said that it will close.
  [[nodiscard]] virtual bool usable() = 0;
};

/// A scripted client on one HTTP/1 connection. Every call blocks at most until its deadline; then
/// it throws TimedOut, and the test fails.
class HttpClient : public ClientConnection {
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

  Response exchange(const Request& request, Millis deadline = kDeadline) override;
  Response get(const std::string& target, const Headers& headers = {});

  /// True when the proxy closes the connection within the deadline and sends nothing before.
  [[nodiscard]] bool closed_by_peer(Millis deadline = kDeadline) {
    return reader_.at_end(deadline);
  }
  /// Whether the connection looks reusable: nothing to read, and not closed by the peer.
  [[nodiscard]] bool is_idle_and_open();
  /// The same, unless `exchange` has got a response after which the connection is not to be used.
  [[nodiscard]] bool usable() override { return !finished_ && is_idle_and_open(); }

  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Socket socket_;
  MessageReader reader_;
  bool finished_ = false;  ///< by the latest response
};

/// The value that a response sets for a cookie, or nothing.
[[nodiscard]] std::optional<std::string> set_cookie_value(const Response& response,
                                                          std::string_view name = "bonedry");

}  // namespace bonedry::test
