#pragma once

#include "tests/support/http_message.h"
#include "tests/support/node_server.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::test {

/// A request as a node received it.
struct NodeRequest {
  std::string raw_head;
  std::string method;
  std::string target;
  std::string version;
  Headers headers;
  std::size_t connection = 0;  ///< the number of the node's connection that it came on, from 1

  [[nodiscard]] std::string path() const { return target.substr(0, target.find('?')); }
};

/// The body of a request, once a handler has read it.
struct NodeBody {
  std::string text;  ///< its beginning, at most Response::kKeptBody
  std::uint64_t size = 0;
  std::string sha256;
  Headers trailers;
  BodyEnd end = BodyEnd::none;
};

class FakeNode;

/// One request while a handler runs. The handler may send anything in any order, and it is sent
/// unchanged. A peer that closes ends the handler with an exception.
class NodeExchange {
 public:
  NodeExchange(FakeNode& node, NodeRequest request, Socket& socket, MessageReader& reader)
      : node_(node), request_(std::move(request)), socket_(socket), reader_(reader) {}

  [[nodiscard]] const NodeRequest& request() const { return request_; }
  [[nodiscard]] const std::string& node_name() const;

  /// Reads the body at the first call; later calls return the same.
  const NodeBody& read_body();
  void send(std::string_view raw) { socket_.send_all(raw); }
  void send_byte_by_byte(std::string_view raw);
  /// Sends a whole response with a Content-Length and an X-Node.
  void respond(int status, std::string_view body, const Headers& headers = {});
  /// The head that `respond` would send, for bodies that are sent piece by piece.
  [[nodiscard]] std::string head(int status, const Headers& headers) const;
  /// Closes the connection after this request.
  void close_after() { keep_open_ = false; }
  void reset();
  /// Waits until the proxy closes its side; discards what arrives until then.
  [[nodiscard]] bool peer_went(Millis deadline = kDeadline);

  [[nodiscard]] Socket& socket() { return socket_; }
  [[nodiscard]] bool keep_open() const { return keep_open_; }

 private:
  FakeNode& node_;
  NodeRequest request_;
  Socket& socket_;
  MessageReader& reader_;
  std::optional<NodeBody> body_;
  bool keep_open_ = true;
};

using Handler = std::function<void(NodeExchange&)>;

/// A scripted HTTP/1.1 server behind the proxy. Runs on its own threads, one per connection; at
/// most kMaxConnections. By default it responds to every request with a JSON object: {"node",
/// "method", "target", "cookie", "size", "sha256"}. Thread-safe.
class FakeNode {
 public:
  static constexpr std::size_t kMaxConnections = NodeServer::kMaxConnections;
  static constexpr std::size_t kKeptRequests = 20000;

  explicit FakeNode(std::string name);  ///< starts it; TLS: see story_tls.h
  /// Starts it, over TLS if `tls` has a value.
  FakeNode(std::string name, const std::optional<TlsServer>& tls);
  FakeNode(const FakeNode&) = delete;
  FakeNode& operator=(const FakeNode&) = delete;

  [[nodiscard]] const std::string& name() const { return server_.name(); }
  [[nodiscard]] const std::string& address() const { return server_.address(); }

  /// Speaks TLS on the connections from now on. Sessions of before are unknown, even when the
  /// settings are the same.
  void serve_tls(const TlsServer& tls) { server_.serve_tls(tls); }

  /// Sets the handler for a path; an empty handler restores the default response.
  void on(const std::string& path, Handler handler);

  /// Refuses connections from now on and cuts off open ones.
  void stop() { server_.stop(); }
  /// Like `stop`, but each open connection gets only a RST, as if the machine had failed.
  void die() { server_.die(); }
  /// Listens again at the same address.
  void start() { server_.start(); }
  /// Cuts off open connections and keeps accepting new ones.
  void drop_connections() { server_.drop_connections(); }

  /// Accepted so far.
  [[nodiscard]] std::size_t connections() const { return server_.connections(); }
  [[nodiscard]] std::size_t requests() const;  ///< heads read so far
  [[nodiscard]] std::size_t requests_for(std::string_view path) const;
  /// The number of heads read so far by path, as one consistent snapshot.
  [[nodiscard]] std::map<std::string, std::size_t, std::less<>> counts() const;
  [[nodiscard]] std::vector<NodeRequest> seen() const;
  /// The latest request for this path. Throws when there was none.
  [[nodiscard]] NodeRequest last(std::string_view path) const;
  /// All handshakes so far, in the order of their ends.
  [[nodiscard]] std::vector<NodeHandshake> handshakes() const { return server_.handshakes(); }
  /// Waits until this many requests for the path have arrived.
  [[nodiscard]] bool wait_for(std::string_view path, std::size_t count,
                              Millis deadline = kDeadline) const;

 private:
  void serve(Socket& socket, std::size_t number);
  [[nodiscard]] Handler note(const NodeRequest& request);

  mutable std::mutex mutex_;  // guards everything up to `requests_`
  mutable std::condition_variable request_came_;
  std::map<std::string, Handler, std::less<>> handlers_;
  std::map<std::string, std::size_t, std::less<>> counts_;
  std::vector<NodeRequest> seen_;
  std::size_t requests_ = 0;

  NodeServer server_;  // the last member: its threads use the others
};

/// The body of a node's default response.
[[nodiscard]] std::string default_answer(const std::string& node, const NodeRequest& request,
                                         const NodeBody& body);
/// Sends a node's default response.
void answer_plainly(NodeExchange& exchange);

/// Reads the request's body, then sends the bytes.
[[nodiscard]] Handler answering(std::string raw);
/// Like `answering`, then closes the connection: for bodies that end there.
[[nodiscard]] Handler answering_and_closing(std::string raw);

}  // namespace bonedry::test
