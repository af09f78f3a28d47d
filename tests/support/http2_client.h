#pragma once

#include "tests/support/http2.h"
#include "tests/support/http2_output.h"
#include "tests/support/http_client.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace bonedry::test {

/// What a client grants its peer, in bytes. The defaults are those of RFC 9113.
struct Http2Windows {
  std::int32_t stream = 65535;
  std::int32_t connection = 65535;
};

/// The SETTINGS of the peer.
struct Http2Settings {
  std::uint32_t header_table_size = 0;
  std::uint32_t max_concurrent_streams = 0;
  std::uint32_t initial_window_size = 0;
  std::uint32_t max_frame_size = 0;
  std::uint32_t max_header_list_size = 0;
  bool extended_connect = false;       ///< RFC 8441
  bool no_rfc7540_priorities = false;  ///< RFC 9218
};

struct Goaway {
  StreamId last_stream = 0;
  std::string code;  ///< such as "NO_ERROR"
  std::string debug;
};

/// A scripted client on one HTTP/2 connection, with any number of streams. For one thread at a
/// time. Calls block at most until their deadline; then they throw TimedOut, and the test fails. A
/// call that waits for one stream also receives what comes for the others. A peer that breaks the
/// rules of HTTP/2 makes every later call throw SocketError.
///
/// The window of a stream is given back as the test reads the stream, that of the connection as
/// bytes arrive: a response that the test does not read stops its own stream only.
class Http2Client : public ClientConnection {
 public:
  /// TLS: see story_tls.h. Without it, the client knows that the peer speaks HTTP/2.
  explicit Http2Client(const std::string& address, const Http2Windows& windows = {});
  /// Over TLS if `tls` has a value, and then chosen by ALPN; throws SocketError when the peer does
  /// not choose it. Sends the client's preface, and waits for nothing.
  Http2Client(const std::string& address, std::optional<TlsClient> tls,
              const Http2Windows& windows = {});
  ~Http2Client() override;
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  /// Sends a request, and as much of its body as the peer's windows take. Host becomes
  /// :authority, Cookie one field per cookie, as browsers do. A field of `headers` whose name
  /// begins with ':' replaces the client's own, or is added, such as :protocol.
  StreamId begin(const Request& request, Millis deadline = kDeadline);
  /// Sends only the head of a request. Its body follows by `send_data` and ends with `end`.
  StreamId begin_upload(const Request& request, Millis deadline = kDeadline);
  /// Waits until all bytes are sent. Returns early when the stream is closed.
  void send_data(StreamId id, std::string_view bytes, Millis deadline = kDeadline);
  /// Sends what the windows take now; the rest follows in other calls.
  void offer_data(StreamId id, std::string_view bytes, Millis deadline = kDeadline);
  /// The bytes that wait for a window.
  [[nodiscard]] std::size_t unsent(StreamId id) const;
  void end(StreamId id, const Headers& trailers = {}, Millis deadline = kDeadline);
  /// Codes are named as in RFC 9113.
  void reset(StreamId id, std::string_view code = "CANCEL", Millis deadline = kDeadline);

  // The responses. A stream that is cut throws nothing: its response is not `complete`, and
  // `Response::reset` has the code of the peer's RST_STREAM. Cut before the head, its status is 0.

  /// Only the next head, which may be interim.
  [[nodiscard]] Response read_head(StreamId id, Millis deadline = kDeadline);
  /// Receives until `size` bytes of the body have come or it has ended.
  [[nodiscard]] std::string receive(StreamId id, std::size_t size, Millis deadline = kDeadline);
  /// What is left of the response; the last call for this stream.
  [[nodiscard]] Response wait(StreamId id, Millis deadline = kDeadline);
  /// The same with the body passed to `sink`, for bodies that are not to be kept.
  [[nodiscard]] Response wait_into(const BodySink& sink, StreamId id, Millis deadline = kDeadline);

  Response exchange(const Request& request, Millis deadline = kDeadline) override;
  Response get(const std::string& target, const Headers& headers = {});

  // The connection.
  [[nodiscard]] Http2Settings peer_settings(Millis deadline = kDeadline);
  /// Waits for the answer to a PING: the peer has seen everything that was sent before.
  void ping(Millis deadline = kDeadline);
  /// The latest GOAWAY; waits for one if there is none yet.
  [[nodiscard]] Goaway goaway(Millis deadline = kDeadline);
  /// True when the peer closes the connection within the deadline.
  [[nodiscard]] bool closed_by_peer(Millis deadline = kDeadline);
  /// Open, without a GOAWAY.
  [[nodiscard]] bool usable() override;
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  struct Callbacks;  // of nghttp2
  struct Stream {
    std::deque<Response> interim;  ///< not read yet
    Response response;             ///< a status: its head is here
    std::string arrived;           ///< of its body, not read yet
    bool ended_by_peer = false;
    bool closed = false;
    bool reset_by_us = false;
    Http2Output output;  ///< the body of the request
  };

  [[nodiscard]] Stream& stream(StreamId id);
  StreamId submit(const Request& request, bool has_body);
  void resume(StreamId id, TestTime until);
  void give_window_back(StreamId id, std::size_t size, TestTime until);
  void deliver(Stream& from, StreamId id, const BodySink& sink, TestTime until);
  void wait_until(const std::function<bool()>& predicate, TestTime until);
  void flush(TestTime until);
  void send_output(TestTime until);
  void receive_some(TestTime until);
  void lose_connection();
  void check_peer() const;

  Socket socket_;
  const std::string scheme_;
  std::unique_ptr<nghttp2_session, void (*)(nghttp2_session*)> session_;
  std::map<StreamId, Stream> streams_;
  Headers fields_;      ///< of the block that is arriving
  std::string output_;  ///< that nghttp2 has made and the socket has not taken
  bool settings_came_ = false;
  std::size_t pings_sent_ = 0;
  std::size_t pings_answered_ = 0;
  std::optional<Goaway> goaway_;
  bool lost_ = false;      ///< the peer has closed the connection, in any way
  std::string violation_;  ///< of the protocol, by the peer; "": none
};

}  // namespace bonedry::test
