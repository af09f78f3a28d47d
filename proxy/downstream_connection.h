#pragma once

#include "proxy/accepted_client.h"
#include "proxy/base/read_buffer.h"
#include "proxy/client_connection.h"
#include "proxy/client_identity.h"
#include "proxy/connection_limiter.h"
#include "proxy/exchange.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/local_response.h"
#include "proxy/http/parser.h"
#include "proxy/io/connection_transport.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/outbox.h"
#include "proxy/io/proxy_protocol.h"
#include "proxy/io/socket.h"
#include "proxy/stream.h"

#include <cstddef>
#include <limits>
#include <memory>
#include <string>

namespace bonedry::proxy {

class Worker;

/// One HTTP/1 connection of a client. Owned by its worker; serves one exchange after another, in
/// the order of their requests.
///
///   head --> exchange --> head ...      head: between requests, or reading a request head
///     \          |
///      \         v
///       \--> lingering --> closed       lingering: all is sent, the client may still send
class DownstreamConnection final : public ClientConnection,
                                   public DownstreamStream,
                                   private io::FdWatcher::Handler {
 public:
  DownstreamConnection(Worker& worker, AcceptedClient accepted);
  ~DownstreamConnection() override;

  void begin() override;
  /// Instead of `begin`: responds to the client with `refusal` before it is served at all.
  void reject(const http::Refusal& refusal);
  void drain() override;
  void close() override;
  void follow_topology() override;

  void send_interim(const http::Head& head) override;
  void send_head(const http::Head& head, const http::ResponseInfo& response,
                 const http::ResponseEdits& edits) override;
  void send_body(const BodySlices& body) override;
  [[nodiscard]] bool takes_pipes() const override;
  void send_body(io::PipeLease body) override;
  void send_end(std::string_view trailers) override;
  void send_local_response(const http::LocalResponse& response) override;
  Flow flush() override;
  [[nodiscard]] std::size_t unsent() const override { return out_.bytes(); }
  [[nodiscard]] std::size_t unacknowledged() const override {
    return transport_ ? transport_->unacknowledged() : 0;
  }
  [[nodiscard]] bool gone() const override { return state_ == State::exchange && !transport_; }
  [[nodiscard]] EndpointPair endpoints() const override;
  void pause(PauseReason reason) override;
  void resume(PauseReason reason) override;
  void begin_tunnel() override;
  void on_exchange_end(StreamEnd end) override;

 private:
  static constexpr std::size_t kNotMeasured = std::numeric_limits<std::size_t>::max();
  enum class State : std::uint8_t { head, exchange, lingering, closed };
  enum class Body : std::uint8_t { none, coming };
  enum class Input : std::uint8_t { open, ended };
  enum class Processing : std::uint8_t { idle, running };

  /// The request being read, or the last one.
  struct Request {
    std::uint64_t count = 0;  // of all on this connection
    Body body = Body::none;
    Pauses pauses;  // of the body
    http::RequestKind request_kind = http::RequestKind::other;
  };
  /// The response being written, or the last one.
  struct Response {
    // Set by the request, then by the response.
    http::Persistence persistence = http::Persistence::close;
    http::BodyWriter writer;
    // How our sending side ends. `with_response`: with the response in progress; `now`: its last
    // byte is queued. Only a tunnel is half-closed at once, since its client may still send.
    enum class Ending : std::uint8_t { no, with_response, now, half_closed } ending = Ending::no;
    // Whether `kEarlyPrefix` was queued ahead of the next response head.
    enum class EarlyPrefix : std::uint8_t { none, sent } early_prefix = EarlyPrefix::none;
  };
  /// After the last response.
  struct Lingering {
    std::size_t received = 0;                   // bytes that the client sent, and are dropped
    std::size_t unacknowledged = kNotMeasured;  // of the response, at the last check
  };
  using Ending = Response::Ending;
  using EarlyPrefix = Response::EarlyPrefix;

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void read();
  void read_memory();
  void read_spliced(io::PipeLease pipe);
  void on_end_of_input();
  void on_end_of_tunnel();
  /// Whether there is nothing to read or write, so that the socket is watched for errors only.
  [[nodiscard]] bool watches_errors_only() const { return !reads() && out_.empty(); }
  [[nodiscard]] bool reads() const;
  void send_early_prefix();
  [[nodiscard]] std::size_t take_early_prefix();
  /// The client has left; the exchange may continue without it.
  void on_client_disconnected();
  [[nodiscard]] bool continue_without_client();
  void process();
  [[nodiscard]] bool is_truncated() const;
  [[nodiscard]] bool parse_head();
  [[nodiscard]] bool parse_body();
  void start_exchange();
  void refuse(const http::Refusal& refusal);
  void turn_away(const http::Http1LocalResponse& reply);
  void next_request();
  void linger();
  [[nodiscard]] bool still_receives();
  [[nodiscard]] bool would_look_complete() const;
  void mark_cut();
  void reset_and_close();
  void on_timeout();
  void update_interest();
  [[nodiscard]] bool wants_body() const {
    return request_.body == Body::coming && request_.pauses.none();
  }
  void deliver_body();
  /// Whether the head of the response that begins now may announce keep-alive.
  [[nodiscard]] http::Persistence response_persistence(http::FramingKind framing) const;
  void send(const http::Http1LocalResponse& reply);
  [[nodiscard]] http::HeadSink sink();

  // Many: one HTTP/1 connection is its transport, its buffers, its parser and both messages.
  Worker& worker_;
  ClientIdentity client_;
  std::size_t listener_;
  const std::shared_ptr<const io::TlsInfo> tls_;  // null: not encrypted
  ConnectionLimiter::Slot slot_;
  State state_ = State::head;
  Input input_ = Input::open;
  Processing processing_ = Processing::idle;
  io::ConnectionTransport transport_;  // null: the client has left, the exchange continues
  io::Timer timer_;  // header, idle or linger time-out, by state; response without a client
  ReadBuffer in_;
  io::Outbox out_;
  http::Parser parser_{http::Parser::Kind::request};
  std::unique_ptr<Exchange> exchange_;
  Request request_;
  Response response_;
  Lingering lingering_;
};

}  // namespace bonedry::proxy
