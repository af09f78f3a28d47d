#pragma once

#include "proxy/http/rules.h"
#include "proxy/http2/body_store.h"
#include "proxy/http2/response_builder.h"
#include "proxy/http2/session.h"
#include "proxy/http2_output.h"
#include "proxy/io/event_loop.h"
#include "proxy/stream.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bonedry::proxy {

class Http2UpstreamConnection;

/// How a connection to a node was lost.
struct ConnectionLoss {
  ExchangeError error;  ///< before a response; its `retry` for exchanges to which it applies
  /// Whether `error` is that of an attempt to connect.
  enum class During : std::uint8_t { connect, use } during = During::use;
  /// Whether the node has read what was sent last.
  enum class Read : std::uint8_t { perhaps, no } read = Read::perhaps;
};

/// One exchange's request and response on an HTTP/2 connection to a node (RFC 9113, section 8.1).
/// Owned by its connection until the session has closed the stream and the exchange has released
/// it.
class Http2UpstreamStream final : public io::Retirable,
                                  public UpstreamStream,
                                  public http2::StreamEvents,
                                  private Http2Body::Owner {
 public:
  /// `again`: whether the connection has carried streams before.
  enum class Use : std::uint8_t { first, again };
  Http2UpstreamStream(Http2UpstreamConnection& connection, UpstreamEvents& exchange, Use use);
  ~Http2UpstreamStream() override;

  // -- for the connection -----------------------------------------------------------------------
  void on_connected();
  /// The session has closed it.
  void tell_closed();
  /// Whether the node knows nothing of it.
  [[nodiscard]] bool is_unsent() const { return sent_ == Sent::nothing; }
  /// The node does not take it: its exchange goes elsewhere. It must be unsent.
  void refuse();
  /// All of one read has been received: what is left of the body is delivered, or stored.
  void on_read_end();
  /// The exchange takes more.
  void on_resumed();
  void on_connection_lost(const ConnectionLoss& loss);

  // -- for the exchange -------------------------------------------------------------------------
  void send_head(const http::Head& head, const http::RequestInfo& request,
                 const http::ClientInfo& client, const http::RequestEdits& edits) override;
  void send_body(const BodySlices& body) override;
  [[nodiscard]] bool takes_pipes() const override { return false; }
  void send_body(io::PipeLease body) override;
  void send_end(std::string_view trailers) override;
  Flow flush() override;
  [[nodiscard]] std::size_t unsent() const override { return body_.bytes(); }
  [[nodiscard]] std::size_t unacknowledged() const override;
  void pause(PauseReason reason) override { pauses_.add(reason); }
  void resume(PauseReason reason) override;
  [[nodiscard]] bool connected() const override;
  void release() override;
  void abort() override { release(); }

  // -- for the session --------------------------------------------------------------------------
  void on_field(std::string_view name, std::string_view value) override;
  void on_head(http2::End end) override;
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(http2::ErrorCode code, http2::EndedBy by) override;
  [[nodiscard]] std::size_t waiting() const override { return body_.bytes(); }
  void move_body(std::size_t size, SliceQueue& to) override { body_.move(size, to); }
  [[nodiscard]] http2::End body_end() const override { return body_.ended(); }
  [[nodiscard]] std::span<const http2::FieldView> trailers() override { return body_.trailers(); }
  void on_sending_head() override;
  void on_sent_end() override;

 private:
  enum class Wire : std::uint8_t { not_begun, open, closed };
  /// Of the response.
  enum class Phase : std::uint8_t {
    head,
    body,
    ended,  ///< the end has been received
    done,   ///< and delivered
  };

  void on_body_sent() override;
  void end_response();
  void on_bad_response(const char* why);
  [[nodiscard]] ExchangeError error_of_end() const;
  [[nodiscard]] ExchangeError error_of(const ConnectionLoss& loss) const;
  [[nodiscard]] bool delivers() const { return exchange_ != nullptr && pauses_.none(); }
  void deliver_pieces();
  void deliver_stored();
  void deliver(const BlockRef& block, const char* data, const http::BodyPieces& pieces);
  void store_pieces();
  void leave();

  Http2UpstreamConnection& connection_;
  UpstreamEvents* exchange_;  // null: it has released the stream
  const Use use_;
  Wire wire_ = Wire::not_begun;
  http2::StreamId id_ = 0;

  Http2Body body_;                        // of the request
  http2::End head_end_ = http2::End::no;  // whether the head is all
  enum class Sent : std::uint8_t { nothing, head, all } sent_ = Sent::nothing;
  http::RequestKind request_kind_ = http::RequestKind::other;

  Phase phase_ = Phase::head;
  enum class Block : std::uint8_t { none, begun } block_ = Block::none;  // of fields
  http2::End received_end_ = http2::End::no;
  struct Closed {
    http2::ErrorCode code = http2::ErrorCode::no_error;
    http2::EndedBy by = http2::EndedBy::both;
  } closed_;  // how; once it is
  Pauses pauses_;
  http::BodyPieces pieces_;  // of this read, from the connection's input
  http2::BodyStore stored_;
  http2::ResponseTrailers trailers_;
};

}  // namespace bonedry::proxy
