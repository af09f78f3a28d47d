#pragma once

#include "balancer/idle_lifetime.h"
#include "proxy/base/ip_address.h"
#include "proxy/body.h"
#include "proxy/exchange_error.h"
#include "proxy/http/head.h"
#include "proxy/http/head_edits.h"
#include "proxy/http/message.h"
#include "proxy/io/pipe.h"
#include "proxy/io/tls_info.h"
#include "proxy/node_token.h"
#include "proxy/pause.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

/// The interfaces between an exchange and its two connections, independent of their protocol. A
/// stream is one request and its response on a connection; HTTP/1 has one at a time. Worker's
/// thread only.
///
/// Calls go down (exchange to stream) and events come up (stream to exchange). A stream calls the
/// exchange from its own events and timers. Only the calls `DownstreamStream::resume` and
/// `begin_tunnel` may deliver events before they return: request body that was read together with
/// the head, so that it is sent together with the head. All other calls are *silent*, which
/// Exchange asserts. Any event may end the exchange, so a stream must check before it goes on.
namespace bonedry::proxy {

/// Result of sending the queued bytes.
enum class Flow : std::uint8_t {
  open,       ///< all are sent: go on
  congested,  ///< some are still queued: the producer must stop until notified
  broken,     ///< the peer is gone
};

/// How an exchange ends on the client's side. The stream decides what happens to the connection.
enum class StreamEnd : std::uint8_t {
  complete,  ///< the whole response has been sent
  aborted,   ///< it has not, and the client must be able to notice
};

/// The client's side of one exchange. `send_*` only queue; `flush` sends. The stream decides how a
/// body is framed, and whether the connection is kept alive.
///
/// The request's body is initially paused for `no_node`, see `resume`.
class DownstreamStream {
 public:
  /// Sends a 1xx response if the client's HTTP version has them. Before `send_head`.
  virtual void send_interim(const http::Head& head) = 0;
  virtual void send_head(const http::Head& head, const http::ResponseInfo& response,
                         const http::ResponseEdits& edits) = 0;
  virtual void send_body(const BodySlices& body) = 0;
  /// Whether the body is sent byte for byte, so that it may be passed in pipes. After the head.
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  virtual void send_body(io::PipeLease body) = 0;
  /// Ends the body; `trailers` are "Name: value\r\n" lines, or empty.
  virtual void send_end(std::string_view trailers) = 0;
  /// Sends a complete response of our own, in place of head, body and end.
  virtual void send_local_response(const http::LocalResponse& response) = 0;
  virtual Flow flush() = 0;
  /// Bytes still queued here because the client does not take more.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  /// Bytes that were sent but that the client has not acknowledged. A system call.
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;

  /// Whether the client is gone, so that nothing can be sent to it any more.
  [[nodiscard]] virtual bool gone() const = 0;
  /// Both addresses of the client's connection, as reported to nodes.
  [[nodiscard]] virtual EndpointPair endpoints() const = 0;

  /// Adds a reason to pause. While there is one, no request body is delivered.
  virtual void pause(PauseReason reason) = 0;
  /// Removes a reason. If it was the last, body that has been read is delivered within this call,
  /// and the rest as it arrives.
  virtual void resume(PauseReason reason) = 0;
  /// The node has switched protocols (the head just sent says so). From now on all bytes from the
  /// client are delivered as body until it half-closes; `send_end` half-closes our side. Delivers
  /// events like `resume`.
  virtual void begin_tunnel() = 0;
  /// The exchange is over; the stream must not access it after this.
  virtual void on_exchange_end(StreamEnd end) = 0;

 protected:
  ~DownstreamStream() = default;
};

/// The node's side of one exchange, leased from NodeStreams.
class UpstreamStream {
 public:
  virtual void send_head(const http::Head& head, const http::RequestInfo& request,
                         const http::ClientInfo& client, const http::RequestEdits& edits) = 0;
  virtual void send_body(const BodySlices& body) = 0;
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  virtual void send_body(io::PipeLease body) = 0;
  virtual void send_end(std::string_view trailers) = 0;
  virtual Flow flush() = 0;
  /// Like the functions of DownstreamStream.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;

  /// Adds or removes a reason to pause. While there is one, no more of the response is delivered.
  /// Neither call delivers anything itself.
  virtual void pause(PauseReason reason) = 0;
  virtual void resume(PauseReason reason) = 0;
  /// Whether the connection is established, so that `on_connected` will not be called any more.
  [[nodiscard]] virtual bool connected() const = 0;
  /// Gives the stream back: the caller must not use it any more and gets no more events. If request
  /// and response are complete the connection may be reused; otherwise it is closed.
  virtual void release() = 0;
  /// Like `release`, after an exchange that was aborted. A tunnel has no other end than that of its
  /// connection, so the node sees a reset unless our side has ended before. Bytes that it has not
  /// received yet are lost.
  virtual void abort() = 0;

 protected:
  ~UpstreamStream() = default;
};

/// Events from the client's side to the exchange.
class DownstreamEvents {
 public:
  virtual void on_request_body(const BodySlices& body, Last last, std::string_view trailers) = 0;
  /// Whether more of the body may be delivered in a pipe, without being inspected.
  [[nodiscard]] virtual bool takes_request_pipes() const = 0;
  virtual void on_request_body(io::PipeLease body, Last last) = 0;
  /// All body bytes of one read have been delivered: a good moment to flush.
  virtual void on_request_read_end() = 0;
  /// Some of the bytes queued for the client have been sent.
  virtual void on_downstream_progress() = 0;
  /// Nothing is queued for the client any more.
  virtual void on_downstream_drained() = 0;
  /// The client is gone. `on_error` reports all other errors on its side.
  virtual void on_downstream_lost() = 0;
  virtual void on_error(const ExchangeError& error) = 0;

 protected:
  ~DownstreamEvents() = default;
};

/// 1xx in front of one response, such as 103; a node that sends more is broken.
inline constexpr unsigned kMaxInterimHeads = 32;

/// Events from the node's side to the exchange.
class UpstreamEvents {
 public:
  /// The head into which the node's side parses the response.
  [[nodiscard]] virtual http::Head& response_head() = 0;
  /// Both addresses of the client's connection, for the PROXY header; nullopt: there is no client.
  [[nodiscard]] virtual std::optional<EndpointPair> client_endpoints() const = 0;
  /// How the client's connection is encrypted, for the same header; null: it is not, or there is
  /// none.
  [[nodiscard]] virtual const io::TlsInfo* client_tls() const = 0;
  /// The exchange waited in the queue and may lease now, with the token.
  virtual void on_turn(ConnectionToken turn) = 0;
  virtual void on_connected() = 0;
  /// `response_head` holds a 1xx; at most `kMaxInterimHeads` of them are to be accepted.
  virtual void on_interim_head() = 0;
  virtual void on_response_head(const http::ResponseInfo& response) = 0;
  virtual void on_response_body(const BodySlices& body, Last last, std::string_view trailers) = 0;
  [[nodiscard]] virtual bool takes_response_pipes() const = 0;
  virtual void on_response_body(io::PipeLease body, Last last) = 0;
  virtual void on_response_read_end() = 0;
  /// Some of the bytes queued for the node have been sent.
  virtual void on_upstream_progress() = 0;
  /// Nothing is queued for the node any more.
  virtual void on_upstream_drained() = 0;
  /// The connection failed or was lost, or the response is not valid HTTP. The stream must still be
  /// released.
  virtual void on_error(const ExchangeError& error) = 0;

 protected:
  ~UpstreamEvents() = default;
};

/// Whether an idle connection may be reused.
enum class ConnectionReuse : std::uint8_t { allowed, new_only };

/// Requirements for a connection to a node.
struct LeaseRequest {
  ConnectionReuse reuse = ConnectionReuse::allowed;
  /// Whether the request may be repeated if the connection turns out to be dead.
  balancer::Repeat repeat = balancer::Repeat::forbidden;
};

/// Why `lease` returned no stream.
enum class Queued : std::uint8_t {
  waiting,  ///< all connections that the node may have are in use: `on_turn` will follow
  full,     ///< the queue is full as well
};

/// One worker's streams to one node. Counts the connections in use and keeps the queue of exchanges
/// that wait for one. New exchanges cannot overtake the queue.
class NodeStreams {
 public:
  /// A stream, connected or connecting; or a place in the queue; or an immediate error.
  using Lease = std::variant<UpstreamStream*, Queued, ExchangeError>;

  [[nodiscard]] virtual Lease lease(const LeaseRequest& request, UpstreamEvents& exchange) = 0;
  /// Leases with the token of `on_turn`, without queueing.
  [[nodiscard]] virtual Lease lease(const LeaseRequest& request, UpstreamEvents& exchange,
                                    ConnectionToken turn) = 0;
  /// Gives up the exchange's place in the queue.
  virtual void leave_queue(UpstreamEvents& exchange) = 0;
  /// What this worker counts of the node; valid as long as the node.
  [[nodiscard]] virtual balancer::NodeMeter& meter() = 0;

 protected:
  ~NodeStreams() = default;
};

}  // namespace bonedry::proxy
