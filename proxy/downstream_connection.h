#pragma once

#include "proxy/base/read_buffer.h"
#include "proxy/client_connection.h"
#include "proxy/client_identity.h"
#include "proxy/connection_limiter.h"
#include "proxy/exchange.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/local_reply.h"
#include "proxy/http/parser.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/outbox.h"
#include "proxy/io/proxy_protocol.h"
#include "proxy/io/socket.h"
#include "proxy/io/transport.h"
#include "proxy/stream.h"

#include <cstddef>
#include <limits>
#include <memory>
#include <string>

namespace bonedry::proxy {

class Worker;

/// Whether a connection begins with a PROXY header.
enum class ProxyHeaderMode : std::uint8_t { none, required };

/// One HTTP/1 connection of a client. Owned by its worker; serves one exchange after another, in
/// the order of their requests.
///
///   proxy_header --> closed             proxy_header: where the listener has it, once
///     |
///     v
///   head --> exchange --> head ...      head: between requests, or within a request's head
///     \          |
///      \         v
///       \--> lingering --> closed       lingering: all is said, the client may still be talking
class DownstreamConnection final : public ClientConnection,
                                   public DownstreamStream,
                                   private io::FdWatcher::Handler {
 public:
  DownstreamConnection(Worker& worker, std::unique_ptr<io::Transport> transport,
                       const io::SocketAddress& peer, std::size_t listener,
                       ProxyHeaderMode proxy_header_mode, ConnectionLimiter::Slot slot);
  ~DownstreamConnection() override;

  void begin() override;
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
  void send_local_response(const http::LocalResponse& answer) override;
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
  enum class State : std::uint8_t { proxy_header, head, exchange, lingering, closed };
  enum class Body : std::uint8_t { none, coming };
  enum class Input : std::uint8_t { open, ended };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void read();
  void read_memory();
  void read_spliced(io::PipeLease pipe);
  void on_end_of_input();
  void on_end_of_tunnel();
  /// Whether what happens on the socket can only be an error.
  [[nodiscard]] bool watches_errors_only() const { return !reads() && out_.empty(); }
  [[nodiscard]] bool reads() const;
  void send_early_prefix();
  [[nodiscard]] std::size_t take_early_prefix();
  /// The client has left; the exchange may go on without it.
  void on_client_disconnected();
  [[nodiscard]] bool continue_without_client();
  void process();
  [[nodiscard]] bool parse_proxy_header();
  /// Whether the client, now known, may have one more connection.
  [[nodiscard]] bool is_admitted();
  [[nodiscard]] bool is_truncated() const;
  [[nodiscard]] bool parse_head();
  [[nodiscard]] bool parse_body();
  void start_exchange();
  void refuse(const http::Refusal& refusal);
  void turn_away(const http::LocalReply& reply);
  void next_request();
  void linger();
  [[nodiscard]] bool still_receives();
  void reset_and_close();
  void on_timeout();
  void update_interest();
  [[nodiscard]] bool wants_body() const { return body_ == Body::coming && pauses_.none(); }
  void deliver_body();
  /// Whether the connection can be promised to go on behind the answer that begins now.
  [[nodiscard]] http::Persistence response_persistence(http::BodyKind framing) const;
  void send(const http::LocalReply& reply);
  [[nodiscard]] http::HeadSink sink();

  Worker& worker_;
  ClientIdentity client_;
  std::size_t listener_;
  ConnectionLimiter::Slot slot_;
  std::uint64_t requests_ = 0;
  State state_;
  Body body_ = Body::none;  // of the request
  Pauses pauses_;           // of it
  Input input_ = Input::open;
  std::unique_ptr<io::Transport> transport_;  // null: the client has left, the exchange goes on
  io::Timer timer_;  // header, idle or linger, as the state has it; response, without a client
  ReadBuffer in_;
  io::Outbox out_;
  http::Parser parser_{http::Parser::Kind::request};
  std::unique_ptr<Exchange> exchange_;
  http::Persistence persistence_ =
      http::Persistence::close;  // as the request, then the answer says
  http::AskedBy asked_by_ = http::AskedBy::other;
  http::BodyWriter body_writer_;  // of the answer
  // Once the last byte of the last answer is queued, the end of the connection follows it. That of
  // a tunnel is said at once, since the client may go on talking.
  enum class Ending : std::uint8_t { no, with_answer, now, said } ending_ = Ending::no;
  // Whether the beginning of the next head has been sent ahead of it.
  enum class EarlyPrefix : std::uint8_t { none, sent } early_prefix_ = EarlyPrefix::none;
  std::size_t lingered_ = 0;
  std::size_t last_unacknowledged_ = kNotMeasured;  // of the last answer, at the last look
  enum class Processing : std::uint8_t { idle, running } processing_ = Processing::idle;
};

}  // namespace bonedry::proxy
