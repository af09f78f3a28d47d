#pragma once

#include "proxy/base/chunk.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http/head.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/local_reply.h"
#include "proxy/http/parser.h"
#include "proxy/http/rules.h"
#include "proxy/io/pipe.h"
#include "proxy/io/proxy_protocol.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

class BodySlices;

/// A whole request body that came together with its head, kept in case the request has to be sent
/// again. It shares the chunk that the head keeps anyway.
struct KeptBody {
  ChunkRef chunk;
  const char* data = nullptr;
  http::BodyPieces pieces;
  std::string trailers;

  [[nodiscard]] BodySlices slices() const;
};

/// Some of a body, as views of the chunk that it was read into. Valid within one call.
class BodySlices {
 public:
  /// `data`: what the pieces count from, in `chunk`.
  BodySlices(ChunkRef chunk, const char* data, const http::BodyPieces& pieces)
      : chunk_(std::move(chunk)), data_(data), pieces_(pieces) {}

  [[nodiscard]] std::size_t bytes() const { return pieces_.bytes; }
  [[nodiscard]] const ChunkRef& chunk() const { return chunk_; }
  [[nodiscard]] KeptBody keep(std::string_view trailers) const {
    return {chunk_, data_, pieces_, std::string(trailers)};
  }
  void push_to(SliceQueue& queue, ChunkPool& pool) const {
    for (const http::Span& piece : pieces_.all()) {
      queue.push(pool, {chunk_, data_ + piece.at, piece.size});
    }
  }

 private:
  ChunkRef chunk_;
  const char* data_;
  const http::BodyPieces& pieces_;
};

inline BodySlices KeptBody::slices() const {
  return {chunk, data, pieces};
}

/// Whether a message goes on or this was the last of it.
enum class Last : std::uint8_t { no, yes };

/// What became of the bytes that were handed over.
enum class Flow : std::uint8_t {
  open,       ///< all are out: go on
  congested,  ///< some wait; whoever produces stops until told
  broken,     ///< the peer is gone
};

/// How an exchange leaves the client's side.
enum class Departure : std::uint8_t {
  keep,   ///< the message is complete, the connection may carry another
  close,  ///< the message is complete, the connection may not
  abort,  ///< the message is not complete, and the client must notice
};

/// The client's side of one exchange, whatever protocol it speaks. `send_*` only queue; `flush`
/// sends. Nothing here calls the exchange back.
class DownstreamStream {
 public:
  virtual void send_interim(const http::Head& head) = 0;
  virtual void send_head(const http::Head& head, const http::ResponseExtras& extras) = 0;
  virtual void send_body(const BodySlices& body) = 0;
  /// Whether the body goes on byte for byte, so that it may come in pipes; asked after the head.
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  virtual void send_body(io::PipeLease body) = 0;
  /// The end of the body; `trailers` are "Name: value\r\n" lines, for framings that have them.
  virtual void send_end(std::string_view trailers) = 0;
  virtual void send_local(const http::LocalReply& reply) = 0;
  virtual Flow flush() = 0;
  /// Bytes that still wait here, because the client's socket has no room.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  /// Bytes that the kernel has taken, and the client has not acknowledged. A system call.
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;

  /// Whether the client has left, and what is sent goes nowhere.
  [[nodiscard]] virtual bool gone() const = 0;
  /// The ends of the client's connection, as a node is to know them.
  [[nodiscard]] virtual io::Route route() const = 0;

  /// Whether request body may be delivered (`on_request_body`), from the next event on.
  virtual void want_body() = 0;
  virtual void hold_body() = 0;
  /// The node has switched protocols, as the head just sent says: whatever comes now is for it, and
  /// is delivered as body until the client ends its side. `send_end` then ends ours.
  virtual void begin_tunnel() = 0;
  /// The exchange is over and must not be touched after this.
  virtual void exchange_over(Departure departure) = 0;

 protected:
  ~DownstreamStream() = default;
};

/// The node's side of one exchange, whatever protocol it speaks: what a lease is on.
class UpstreamStream {
 public:
  /// Comes before the first head of a stream that is not `reused`: tells the node whom the stream
  /// is for, where it is to be told.
  virtual void introduce(const DownstreamStream& client) = 0;
  virtual void send_head(const http::Head& head, const http::RequestFacts& facts,
                         const http::Origin& origin, const http::CookieFilter* cookies) = 0;
  virtual void send_body(const BodySlices& body) = 0;
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  virtual void send_body(io::PipeLease body) = 0;
  virtual void send_end(std::string_view trailers) = 0;
  virtual Flow flush() = 0;
  /// As those of DownstreamStream.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;

  virtual void want_response() = 0;
  virtual void hold_response() = 0;
  /// Whether it carried an exchange before this one, so that it may have died of old age.
  [[nodiscard]] virtual bool reused() const = 0;
  /// Whether a byte of an answer has come, interim ones included.
  [[nodiscard]] virtual bool heard() const = 0;
  /// Once it is lost: whether the node has taken the request, as far as its kernel says. It has had
  /// no work with one that it has not.
  [[nodiscard]] virtual bool took_request() const = 0;
  [[nodiscard]] virtual bool connected() const = 0;
  /// Gives the stream back; the caller forgets it. `keep`: it is clean and may serve again.
  virtual void release(http::Persistence persistence) = 0;

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
  virtual void on_request_batch() = 0;
  virtual void on_bad_body(const http::Refusal& why) = 0;
  /// Some of what waited for the client has gone out.
  virtual void on_progress() = 0;
  /// All of it has.
  virtual void on_downstream_drained() = 0;
  virtual void on_downstream_lost() = 0;
  /// The kernel cannot watch the connection any more: want of our own, no fault of the client.
  virtual void on_shortage(int error) = 0;

 protected:
  ~DownstreamEvents() = default;
};

/// What a node's side tells the exchange.
class UpstreamEvents {
 public:
  /// Where the node's side puts the head of the response.
  [[nodiscard]] virtual http::Head& response_head() = 0;
  [[nodiscard]] virtual http::AskedBy asked_by() const = 0;
  /// One of the node's connections was waited for, and has been taken in the exchange's name.
  virtual void on_connection_free() = 0;
  virtual void on_connected() = 0;
  virtual void on_connect_failed(int error) = 0;
  virtual void on_interim_head() = 0;
  virtual void on_response_head(const http::ResponseFacts& facts) = 0;
  virtual void on_response_body(const BodySlices& body, Last last, std::string_view trailers) = 0;
  [[nodiscard]] virtual bool takes_response_pipes() const = 0;
  virtual void on_response_body(io::PipeLease body, Last last) = 0;
  virtual void on_response_batch() = 0;
  /// Some of what waited for the node has gone out.
  virtual void on_progress() = 0;
  /// All of it has.
  virtual void on_upstream_drained() = 0;
  /// The answer is not HTTP; `why` is a literal for the log.
  virtual void on_bad_response(const char* why) = 0;
  virtual void on_upstream_lost() = 0;
  /// The kernel cannot watch the connection any more: want of our own, no news about the node.
  virtual void on_shortage(int error) = 0;

 protected:
  ~UpstreamEvents() = default;
};

}  // namespace bonedry::proxy
