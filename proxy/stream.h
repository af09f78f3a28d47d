#pragma once

#include "balancer/idle_lifetime.h"
#include "proxy/base/ip_address.h"
#include "proxy/body.h"
#include "proxy/exchange_error.h"
#include "proxy/http/head.h"
#include "proxy/http/head_edits.h"
#include "proxy/http/message.h"
#include "proxy/io/pipe.h"
#include "proxy/node_token.h"
#include "proxy/pause.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

/// What an exchange and the two connections it runs between say to each other, whatever protocol
/// these speak. A stream is one request and its response on a connection; HTTP/1 has one at a time.
/// All of it happens on the worker's thread.
///
/// Calls go down (exchange to stream) and events come up (stream to exchange). A stream calls the
/// exchange from its own events and timers. Of the calls, `DownstreamStream::resume` and
/// `begin_tunnel` alone may deliver events before they return, of the request's body, so that what
/// was read with a head leaves with it; all others are *silent*, which Exchange asserts. After any
/// event the exchange may be over, and a stream looks before it goes on.
namespace bonedry::proxy {

/// What became of the bytes that were handed over.
enum class Flow : std::uint8_t {
  open,       ///< all are out: go on
  congested,  ///< some wait; whoever produces stops until told
  broken,     ///< the peer is gone
};

/// How an exchange leaves the client's side. What becomes of the connection is the stream's matter.
enum class StreamEnd : std::uint8_t {
  complete,  ///< the client has been sent all of the answer
  aborted,   ///< it has not, and must notice
};

/// The client's side of one exchange. `send_*` only queue; `flush` sends. How a body is framed, and
/// whether the connection goes on to another request, is decided here.
///
/// The request's body is paused for `no_node` at first, see `resume`.
class DownstreamStream {
 public:
  /// A 1xx, where the client's version has them. Before `send_head`.
  virtual void send_interim(const http::Head& head) = 0;
  virtual void send_head(const http::Head& head, const http::ResponseInfo& response,
                         const http::ResponseEdits& edits) = 0;
  virtual void send_body(const BodySlices& body) = 0;
  /// Whether the body goes on byte for byte, so that it may come in pipes; asked after the head.
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  virtual void send_body(io::PipeLease body) = 0;
  /// The end of the body; `trailers` are "Name: value\r\n" lines, or empty.
  virtual void send_end(std::string_view trailers) = 0;
  /// In place of head, body and end.
  virtual void send_local_response(const http::LocalResponse& answer) = 0;
  virtual Flow flush() = 0;
  /// Bytes that still wait here, because the client takes no more.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  /// Bytes that were sent, and the client has not acknowledged. A system call.
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;

  /// Whether the client has left, and what is sent goes nowhere.
  [[nodiscard]] virtual bool gone() const = 0;
  /// The ends of the client's connection, as a node is to know them.
  [[nodiscard]] virtual EndpointPair endpoints() const = 0;

  /// No more of the request's body is delivered while there is a reason.
  virtual void pause(PauseReason reason) = 0;
  /// Takes a reason away. Where it was the last, what has been read is delivered within this call,
  /// and the rest as it comes.
  virtual void resume(PauseReason reason) = 0;
  /// The node has switched protocols, as the head just sent says: whatever comes now is for it, and
  /// is delivered as body until the client ends its side. `send_end` then ends ours. Delivers like
  /// `resume`.
  virtual void begin_tunnel() = 0;
  /// The exchange is over and is not touched after this.
  virtual void on_exchange_end(StreamEnd end) = 0;

 protected:
  ~DownstreamStream() = default;
};

/// The node's side of one exchange: what a lease is on.
class UpstreamStream {
 public:
  virtual void send_head(const http::Head& head, const http::RequestInfo& request,
                         const http::ClientInfo& client, const http::RequestEdits& edits) = 0;
  virtual void send_body(const BodySlices& body) = 0;
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  virtual void send_body(io::PipeLease body) = 0;
  virtual void send_end(std::string_view trailers) = 0;
  virtual Flow flush() = 0;
  /// As those of DownstreamStream.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;

  /// No more of the response is delivered while there is a reason; nothing is delivered from within
  /// either.
  virtual void pause(PauseReason reason) = 0;
  virtual void resume(PauseReason reason) = 0;
  /// Whether `on_connected` is not awaited any more.
  [[nodiscard]] virtual bool connected() const = 0;
  /// Gives the stream back; the caller forgets it, and hears no more of it. Where request and
  /// response are complete the connection may serve others; else the node notices an end.
  virtual void release() = 0;

 protected:
  ~UpstreamStream() = default;
};

/// What a client's side tells the exchange.
class DownstreamEvents {
 public:
  virtual void on_request_body(const BodySlices& body, Last last, std::string_view trailers) = 0;
  /// Whether more of the body may be delivered in a pipe, without being looked at.
  [[nodiscard]] virtual bool takes_request_pipes() const = 0;
  virtual void on_request_body(io::PipeLease body, Last last) = 0;
  /// All body of one read was delivered: a good moment to flush.
  virtual void on_request_read_end() = 0;
  /// Some of what waited for the client has gone out.
  virtual void on_downstream_progress() = 0;
  /// All of it has.
  virtual void on_downstream_drained() = 0;
  /// The client has left. `on_error` is for all else that goes wrong on its side.
  virtual void on_downstream_lost() = 0;
  virtual void on_error(const ExchangeError& error) = 0;

 protected:
  ~DownstreamEvents() = default;
};

/// What a node's side tells the exchange.
class UpstreamEvents {
 public:
  /// Where the node's side puts the head of the response.
  [[nodiscard]] virtual http::Head& response_head() = 0;
  /// The ends of the client's connection, for nodes that are told; none: the connection is our own.
  [[nodiscard]] virtual std::optional<EndpointPair> client_endpoints() const = 0;
  /// The turn of one that waited in the queue: it may lease, by the token.
  virtual void on_turn(ConnectionToken turn) = 0;
  virtual void on_connected() = 0;
  /// `response_head` is a 1xx.
  virtual void on_interim_head() = 0;
  virtual void on_response_head(const http::ResponseInfo& response) = 0;
  virtual void on_response_body(const BodySlices& body, Last last, std::string_view trailers) = 0;
  [[nodiscard]] virtual bool takes_response_pipes() const = 0;
  virtual void on_response_body(io::PipeLease body, Last last) = 0;
  virtual void on_response_read_end() = 0;
  /// Some of what waited for the node has gone out.
  virtual void on_upstream_progress() = 0;
  /// All of it has.
  virtual void on_upstream_drained() = 0;
  /// No connection came about, or it was lost, or what came is not HTTP. The stream is still to be
  /// released.
  virtual void on_error(const ExchangeError& error) = 0;

 protected:
  ~UpstreamEvents() = default;
};

/// Whether a connection that served before will do.
enum class ConnectionReuse : std::uint8_t { allowed, new_only };

/// What is asked of a node's connections.
struct LeaseRequest {
  ConnectionReuse reuse = ConnectionReuse::allowed;
  /// Whether the request may be repeated should the connection turn out to be dead.
  balancer::Repeat repeat = balancer::Repeat::forbidden;
};

/// Why there is no stream.
enum class Queued : std::uint8_t {
  waiting,  ///< all connections that the node may have are in use: `on_turn` will come
  full,     ///< and so is the queue
};

/// One worker's streams to one node. Counts the connections that are in use, and keeps the queue of
/// those who wait for one; who comes does not overtake them.
class NodeStreams {
 public:
  /// A stream, connected or connecting; or a place in the queue; or what went wrong at once.
  using Lease = std::variant<UpstreamStream*, Queued, ExchangeError>;

  [[nodiscard]] virtual Lease lease(const LeaseRequest& request, UpstreamEvents& exchange) = 0;
  /// The same by a turn that was waited for, so that there is no queue.
  [[nodiscard]] virtual Lease lease(const LeaseRequest& request, UpstreamEvents& exchange,
                                    ConnectionToken turn) = 0;
  /// Gives up the place in the queue.
  virtual void leave_queue(UpstreamEvents& exchange) = 0;

 protected:
  ~NodeStreams() = default;
};

}  // namespace bonedry::proxy
