#pragma once

#include "proxy/exchange.h"
#include "proxy/http2/body_store.h"
#include "proxy/http2/request_builder.h"
#include "proxy/http2/session.h"
#include "proxy/http2_output.h"
#include "proxy/io/event_loop.h"
#include "proxy/stream.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace bonedry::proxy {

class Http2Connection;

/// One request of a client on an HTTP/2 connection, and its response (RFC 9113, section 8.1). Owned
/// by its connection until both the stream and the exchange have ended: a stream that the client
/// has reset counts as open while its node still works for it.
class Http2Stream final : public io::Retirable,
                          public DownstreamStream,
                          public http2::StreamEvents,
                          private Http2Body::Owner {
 public:
  Http2Stream(Http2Connection& connection, http2::StreamId id);
  ~Http2Stream() override;

  // -- for the connection -----------------------------------------------------------------------
  [[nodiscard]] http2::StreamId id() const { return id_; }
  [[nodiscard]] http::Head& request_head() { return exchange_->request_head(); }
  /// All of one read has been received: the exchange of its head starts, what is left of the body
  /// is delivered, or stored.
  void on_read_end();
  /// The connection is lost: the exchange may go on without its client.
  void on_lost();
  /// The exchange ends at once.
  void cut();
  void end_if_displaced();

  // -- for the exchange -------------------------------------------------------------------------
  void send_interim(const http::Head& head) override;
  void send_head(const http::Head& head, const http::ResponseInfo& response,
                 const http::ResponseEdits& edits) override;
  void send_body(const BodySlices& body) override;
  [[nodiscard]] bool takes_pipes() const override { return false; }
  void send_body(io::PipeLease body) override;
  void send_end(std::string_view trailers) override;
  void send_local_response(const http::LocalResponse& response) override;
  Flow flush() override;
  [[nodiscard]] std::size_t unsent() const override { return body_.bytes(); }
  [[nodiscard]] std::size_t unacknowledged() const override;
  [[nodiscard]] bool gone() const override { return wire_ == Wire::gone; }
  [[nodiscard]] EndpointPair endpoints() const override;
  void pause(PauseReason reason) override;
  void resume(PauseReason reason) override;
  void begin_tunnel() override;
  void on_exchange_end(StreamEnd end) override;

  // -- for the session --------------------------------------------------------------------------
  void on_field(std::string_view name, std::string_view value) override;
  void on_head(http2::End end) override;
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(http2::ErrorCode code, http2::EndedBy by) override;
  [[nodiscard]] std::size_t waiting() const override { return body_.bytes(); }
  void move_body(std::size_t size, SliceQueue& to) override;
  [[nodiscard]] http2::End body_end() const override { return body_.ended(); }
  [[nodiscard]] std::span<const http2::FieldView> trailers() override { return body_.trailers(); }
  void on_sent_end() override;

 private:
  /// What the client sends.
  enum class Input : std::uint8_t {
    head,
    body,
    trailers,
    ended,      ///< the end has been received
    delivered,  ///< and the exchange has got it, or has no use for it
  };
  enum class Wire : std::uint8_t {
    open,
    sent_all,
    closed,
    gone,  ///< closed by the client, while the node works on
  };

  void on_body_sent() override;
  void start_exchange();
  void abandon_head();
  void refuse(const http::Refusal& refusal);
  void deliver_pieces();
  void deliver_stored();
  void deliver(const BlockRef& block, const char* data, const http::BodyPieces& pieces);
  [[nodiscard]] bool delivers() const {
    return exchange_ && takes_body_ == TakesBody::yes && pauses_.none();
  }
  void store_pieces();
  void on_timeout();
  void leave_to_client();
  void send_local_response(const http::LocalResponse& response, std::string_view request_id);
  void lose_client();
  void end_tunnel();
  void release_exchange();
  void leave_if_over();

  Http2Connection& connection_;
  const http2::StreamId id_;
  std::unique_ptr<Exchange> exchange_;  // null: it has ended
  Wire wire_ = Wire::open;

  Input input_ = Input::head;
  // Whether there is a body that the exchange expects; a tunnel counts.
  enum class TakesBody : std::uint8_t { no, yes } takes_body_ = TakesBody::no;
  Pauses pauses_{PauseReason::no_node};
  // Its exchange starts after the read: what is reset by then never gets to a node.
  std::optional<http::RequestInfo> ready_;
  http::BodyPieces pieces_;  // of this read, from the connection's input
  http2::BodyStore stored_;
  http2::TrailerBuilder trailer_;
  io::Timer timer_;  // of an exchange without its client, or a client without an exchange

  enum class Kind : std::uint8_t { request, connect, tunnel } kind_ = Kind::request;
  enum class Answered : std::uint8_t { not_by_node, by_node } answered_ = Answered::not_by_node;
  Http2Body body_;                        // of the response
  http2::End head_end_ = http2::End::no;  // whether the head is all
};

}  // namespace bonedry::proxy
