#pragma once

#include "tests/support/fake_node.h"
#include "tests/support/http2.h"
#include "tests/support/node_server.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::test {

/// A request as a node received it by HTTP/2, as far as it has come. `headers` has no
/// pseudo-fields; `target` is :path.
struct Http2NodeRequest : NodeRequest {
  Headers pseudo;  ///< in the order of arrival
  StreamId stream = 0;
  NodeBody body;           ///< its `end` is `none` until END_STREAM, or `aborted`
  std::string reset;       ///< the code of the peer's RST_STREAM, such as "CANCEL"; "": none
  bool is_closed = false;  ///< the stream is over, in whatever way
};

/// As in story_tls.h, with HTTP/2 by ALPN.
[[nodiscard]] std::optional<TlsServer> story_http2_node_tls();

/// What a node says at the start of a connection. What is empty is left to HTTP/2's defaults.
struct Http2NodeSettings {
  /// Without a value: plain. When its `alpn` does not lead to "h2", the node sends nothing.
  std::optional<TlsServer> tls = story_http2_node_tls();
  std::optional<std::uint32_t> max_concurrent_streams = std::nullopt;
  std::uint32_t stream_window = 65535;
  std::int32_t connection_window = 65535;
};

class Http2Node;
class Http2NodeConnection;
struct Http2NodeStream;

/// One request while a handler runs, which begins when its head has come. The window of the stream
/// is given back as the handler reads the body: what it does not read, stops its own stream only.
/// Calls throw UnexpectedEnd when the stream is over, which ends the handler. For one thread.
class Http2NodeExchange {
 public:
  Http2NodeExchange(Http2Node& node, Http2NodeConnection& connection,
                    std::shared_ptr<Http2NodeStream> stream);

  /// Its body and its end are those of the time when the handler began.
  [[nodiscard]] const Http2NodeRequest& request() const { return request_; }
  [[nodiscard]] const std::string& node_name() const;

  // The request.
  /// Reads the body to its end, which a reset of the stream is, too.
  NodeBody read_body(Millis deadline = kDeadline);
  /// Reads until `size` bytes have come or the body has ended.
  [[nodiscard]] std::string receive(std::size_t size, Millis deadline = kDeadline);
  /// Waits until so many have come, without reading them: their window stays taken.
  [[nodiscard]] bool wait_for_bytes(std::uint64_t size, Millis deadline = kDeadline) const;
  /// The code of the peer's RST_STREAM; nothing when none comes within the deadline. Discards what
  /// comes of the body.
  [[nodiscard]] std::optional<std::string> wait_for_reset(Millis deadline = kDeadline);

  // The response.
  /// A whole response with an X-Node and, unless there are trailers, a Content-Length.
  void respond(int status, std::string_view body, const Headers& headers = {},
               const Headers& trailers = {});
  void send_interim(int status, const Headers& headers);
  /// The head of a response whose body follows by `send_data` and ends with `end`.
  void send_head(int status, const Headers& headers = {});
  /// A head that ends the stream.
  void send_head_only(int status, const Headers& headers = {});
  /// Waits until the peer's windows have let all bytes go.
  void send_data(std::string_view bytes, Millis deadline = kDeadline);
  void end(const Headers& trailers = {});

  // The stream and the connection.
  /// After a response that has been given whole. Codes are named as in RFC 9113.
  void reset(std::string_view code);
  /// Streams above `last` are not served any more. The connection stays.
  void goaway(StreamId last, std::string_view code = "NO_ERROR");
  /// Sends a FIN after what has been sent.
  void close_connection();

 private:
  [[nodiscard]] Headers with_node(const Headers& headers) const;

  Http2Node& node_;
  Http2NodeConnection& connection_;
  const std::shared_ptr<Http2NodeStream> stream_;
  const Http2NodeRequest request_;
};

/// Runs on a thread of its own. What it has not sent when it returns is never sent.
using Http2Handler = std::function<void(Http2NodeExchange&)>;

/// A scripted HTTP/2 server behind the proxy, as FakeNode is one of HTTP/1.1: a thread for each
/// connection and one for each request. By default it responds as FakeNode does. A peer that breaks
/// the rules of HTTP/2 is a failure of the test. Thread-safe.
class Http2Node {
 public:
  static constexpr std::size_t kKeptRequests = 20000;

  explicit Http2Node(std::string name, const Http2NodeSettings& settings = {});  ///< starts it
  ~Http2Node();
  Http2Node(const Http2Node&) = delete;
  Http2Node& operator=(const Http2Node&) = delete;

  [[nodiscard]] const std::string& name() const { return server_.name(); }
  [[nodiscard]] const std::string& address() const { return server_.address(); }

  /// For the connections from now on; what has TLS stays with TLS.
  void configure(const Http2NodeSettings& settings);
  /// Sets the handler for a path; an empty handler restores the default response.
  void on(const std::string& path, Http2Handler handler);
  /// With the head of this many requests of a connection it sends a GOAWAY that names the last of
  /// them, ignores later streams and closes when the accepted ones are done. 0: never.
  void goaway_every(std::size_t requests);
  /// The same for each open connection at once, after the requests that it has.
  void goaway();

  // As in FakeNode.
  void stop() { server_.stop(); }
  void die() { server_.die(); }
  void start() { server_.start(); }
  void drop_connections() { server_.drop_connections(); }

  [[nodiscard]] std::size_t connections() const { return server_.connections(); }
  [[nodiscard]] std::size_t open_connections() const { return server_.open_connections(); }
  [[nodiscard]] std::vector<NodeHandshake> handshakes() const { return server_.handshakes(); }
  /// The heads that have come, without those of ignored streams.
  [[nodiscard]] std::size_t requests() const;
  [[nodiscard]] std::size_t requests_for(std::string_view path) const;
  /// By the number of the connection, as in NodeRequest.
  [[nodiscard]] std::map<std::size_t, std::size_t> requests_by_connection() const;
  /// The largest number of streams that one connection has had open at a time.
  [[nodiscard]] std::size_t most_streams() const { return most_streams_; }
  [[nodiscard]] std::vector<Http2NodeRequest> seen() const;
  /// The latest request for this path. Throws when there was none.
  [[nodiscard]] Http2NodeRequest last(std::string_view path) const;
  /// Waits until this many requests for the path have arrived.
  [[nodiscard]] bool wait_for(std::string_view path, std::size_t count,
                              Millis deadline = kDeadline) const;
  /// What peers have done against the rules, so that it does not fail the test.
  [[nodiscard]] std::vector<std::string> take_violations();

 private:
  friend class Http2NodeConnection;

  // For connections.
  struct Noted {
    std::size_t record;
    Http2Handler handler;
  };
  [[nodiscard]] Noted note(const Http2NodeRequest& request);
  void update(std::size_t record, const Http2NodeRequest& request);
  void note_streams(std::size_t open);
  void note_violation(const std::string& what);

  void serve(Socket& socket, std::size_t number);
  [[nodiscard]] Http2NodeSettings settings() const;

  std::atomic<std::size_t> goaway_every_{0};
  std::atomic<std::size_t> most_streams_{0};
  mutable std::mutex mutex_;  // guards everything up to `requests_`
  mutable std::condition_variable request_came_;
  Http2NodeSettings settings_;
  std::map<std::string, Http2Handler, std::less<>> handlers_;
  std::map<std::string, std::size_t, std::less<>> counts_;
  std::map<std::size_t, std::size_t> by_connection_;
  std::vector<Http2NodeConnection*> open_;
  std::vector<Http2NodeRequest> seen_;
  std::vector<std::string> violations_;
  std::size_t requests_ = 0;

  NodeServer server_;  // the last member: its threads use the others
};

/// Sends a node's default response.
void answer_plainly_http2(Http2NodeExchange& exchange);

}  // namespace bonedry::test
