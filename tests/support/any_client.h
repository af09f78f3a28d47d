#pragma once

#include "tests/support/http2_client.h"
#include "tests/support/http_client.h"
#include "tests/support/user.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::test {

/// A client's connection with one request at a time, whose parts are sent and received one by one,
/// whatever protocol carries them. A response that the proxy cuts off is not `complete`; cut off
/// before its head, its status is 0.
class AnyClient : public ClientConnection {
 public:
  /// Sends a whole request.
  virtual void begin(const Request& request) = 0;
  /// Sends a head. Its body follows by `send` and `end`; without a Content-Length, HTTP/1.1 sends
  /// chunks.
  virtual void begin_upload(Request request) = 0;
  /// The proxy may read none of it if it has responded already.
  virtual void send(std::string_view bytes) = 0;
  virtual void end(const Headers& trailers = {}) = 0;
  /// Only the next head, which may be interim.
  [[nodiscard]] virtual Response read_head() = 0;
  /// The body is passed to `sink`.
  [[nodiscard]] virtual Response read_response_into(const BodySink& sink) = 0;
  [[nodiscard]] Response read_response();

  /// Gives the request up without closing the connection in order: with HTTP/1.1 by a reset of the
  /// connection, with HTTP/2 by one of the stream.
  virtual void give_up() = 0;
  /// Sends a FIN, with TLS without a close_notify.
  virtual void cut() = 0;
};

/// Over TLS if `tls` has a value.
[[nodiscard]] std::unique_ptr<AnyClient> connect_any(const std::string& address,
                                                     User::Protocol protocol,
                                                     const std::optional<TlsClient>& tls);

}  // namespace bonedry::test
