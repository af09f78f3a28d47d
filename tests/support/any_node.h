#pragma once

#include "tests/support/fake_node.h"
#include "tests/support/http2_node.h"
#include "tests/support/user.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace bonedry::test {

/// One request at a node, whatever protocol it came by. As with NodeExchange and Http2NodeExchange,
/// calls end the handler by an exception when the peer has given up.
class AnyExchange {
 public:
  virtual ~AnyExchange() = default;

  [[nodiscard]] virtual const NodeRequest& request() const = 0;
  /// Reads it to its end, which may be `aborted`.
  virtual NodeBody read_body() = 0;

  /// A whole response with a Content-Length.
  virtual void respond(int status, std::string_view body, const Headers& headers = {}) = 0;
  virtual void send_interim(int status, const Headers& headers) = 0;
  /// A response that ends with its head, such as 304, which may announce a length.
  virtual void send_head_only(int status, const Headers& headers) = 0;
  /// The head of a response whose body follows by `send` and `end`. HTTP/1.1 sends chunks unless
  /// there is a Content-Length.
  virtual void send_head(int status, const Headers& headers = {}) = 0;
  /// The same, but with HTTP/1.1 the body ends with the connection.
  virtual void send_head_of_last(int status, const Headers& headers = {}) = 0;
  virtual void send(std::string_view bytes) = 0;
  virtual void end(const Headers& trailers = {}) = 0;

  /// Closes the connection, in order as far as TCP and TLS are concerned, whatever is missing.
  virtual void close() = 0;
  /// With HTTP/1.1 the connection, with HTTP/2 the stream.
  virtual void reset() = 0;
  /// Waits until the proxy gives this request up.
  [[nodiscard]] virtual bool is_given_up() = 0;
};

using AnyHandler = std::function<void(AnyExchange&)>;

/// A FakeNode or an Http2Node, for tests that mean the same with both. Thread-safe.
class AnyNode {
 public:
  /// Starts it, over TLS if `tls` has a value; ALPN is filled in.
  AnyNode(std::string name, User::Protocol protocol, std::optional<TlsServer> tls);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::string& address() const;
  void on(const std::string& path, AnyHandler handler);
  void stop();
  void start();
  void die();
  [[nodiscard]] std::size_t requests_for(std::string_view path) const;
  [[nodiscard]] bool wait_for(std::string_view path, std::size_t count) const;
  /// The latest request for this path. HTTP/2's :authority is in its Host.
  [[nodiscard]] NodeRequest last(std::string_view path) const;

 private:
  using Node = std::variant<FakeNode, Http2Node>;
  [[nodiscard]] static Node make(std::string name, User::Protocol protocol,
                                 std::optional<TlsServer> tls);

  Node node_;
};

}  // namespace bonedry::test
