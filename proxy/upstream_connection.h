#pragma once

#include "balancer/idle_lifetime.h"
#include "conf/config.h"
#include "proxy/base/read_buffer.h"
#include "proxy/connection_context.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/parser.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/outbox.h"
#include "proxy/io/transport.h"
#include "proxy/stream.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace bonedry::proxy {

class UpstreamConnection;

/// Who opens connections to a node and owns them: a worker's pool of them, or a health check.
class UpstreamOwner {
 public:
  virtual void on_connect_succeeded() = 0;
  /// What an attempt to connect that failed (`error`: an errno) is to whom the connection is lent.
  [[nodiscard]] virtual ExchangeError on_connect_failed(int error) = 0;
  /// How long the connection, which could serve again, is kept idle from now on; 0: not at all.
  [[nodiscard]] virtual Millis idle_time(const UpstreamConnection& connection) const = 0;
  /// It is idle now, or is so no more.
  virtual void on_idle(UpstreamConnection& connection) = 0;
  virtual void on_busy(UpstreamConnection& connection) = 0;
  /// The node has closed a connection that had been idle for so long, since then.
  virtual void on_closed_by_node(Millis idle, Instant since) = 0;
  /// Takes it out and closes it; it may be on the stack.
  virtual void drop(UpstreamConnection& connection) = 0;

 protected:
  ~UpstreamOwner() = default;
};

/// How a connection to a node is made.
struct UpstreamTarget {
  std::uint64_t generation = 0;  ///< of what follows, so that no connection outlives a change of it
  conf::ProxyProtocol proxy_protocol = conf::ProxyProtocol::off;
  Millis connect_timeout{0};
};

/// One HTTP/1 connection to a node. Lent to at most one exchange at a time. One that
/// begins with a PROXY header speaks for one client, and is closed after the exchange: kept for
/// that client alone it would cost a descriptor for as long as the client stays, or longer.
///
///   connecting --> busy <--> idle
///        \___________\________\____> closed (absorbing)
class UpstreamConnection final : public io::Retirable,
                                 public UpstreamStream,
                                 private io::FdWatcher::Handler {
 public:
  enum class State : std::uint8_t { connecting, busy, idle, closed };

  /// `transport` is connecting. `owner` and `context` outlive this.
  UpstreamConnection(UpstreamOwner& owner, ConnectionContext& context, const UpstreamTarget& target,
                     std::unique_ptr<io::Transport> transport);

  [[nodiscard]] std::uint64_t generation() const { return target_.generation; }

  /// Lends the connection; it is `connecting` or `idle`. `in_use`: what the node counts it by, if
  /// it does, until it is given back.
  void lend(UpstreamEvents& exchange, ConnectionToken in_use);
  /// Idle, but with bytes or an end that nobody asked for: what is said unasked must not be taken
  /// for the answer to the next request. Sees what this round of the loop was told, and what the
  /// kernel knows where much depends on it. One that was kept for as long as may be is no better.
  [[nodiscard]] bool is_stale(balancer::Repeat repeat) const;
  /// The owner learns from it, if the node has closed it.
  void drop_stale();
  [[nodiscard]] Millis idle_for() const;
  /// Stops all events and closes the descriptor.
  void close();

  void send_head(const http::Head& head, const http::RequestInfo& request,
                 const http::ClientInfo& client, const http::RequestEdits& edits) override;
  void send_body(const BodySlices& body) override;
  [[nodiscard]] bool takes_pipes() const override;
  void send_body(io::PipeLease body) override;
  void send_end(std::string_view trailers) override;
  Flow flush() override;
  [[nodiscard]] std::size_t unsent() const override { return out_.bytes(); }
  [[nodiscard]] std::size_t unacknowledged() const override { return transport_->unacknowledged(); }
  void pause(PauseReason reason) override;
  void resume(PauseReason reason) override;
  [[nodiscard]] bool connected() const override { return state_ != State::connecting; }
  void release() override;

 private:
  friend class UpstreamPool;

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();
  void on_connect_event();
  void fail_to_connect(int error);
  /// The node is gone: by an end of its side, or by an error.
  void on_connection_lost(io::IoStatus status);
  void on_bad_response(const char* why);
  void read();
  void read_memory();
  [[nodiscard]] io::IoStatus splice_body();
  [[nodiscard]] http::HeadSink sink();
  /// Whether the node has likely sent more than one read took.
  enum class More : std::uint8_t { unknown, likely };
  void parse(More more);
  [[nodiscard]] bool parse_head();
  [[nodiscard]] bool parse_body();
  void note_lifetime(const http::Head& head);
  void on_end_of_input();
  [[nodiscard]] bool has_stray_bytes() const;
  void update_interest();
  void set(State state);

  UpstreamOwner& owner_;
  ConnectionContext& context_;
  const UpstreamTarget target_;
  State state_ = State::connecting;
  std::unique_ptr<io::Transport> transport_;
  ReadBuffer in_;
  io::Outbox out_;
  http::Parser parser_{http::Parser::Kind::response};
  io::Timer timer_;  // to connect, or idle, as the state has it
  UpstreamEvents* exchange_ = nullptr;
  ConnectionToken in_use_;
  enum class Phase : std::uint8_t { head, body, done } phase_ = Phase::head;
  Pauses pauses_;  // of the response
  enum class Writing : std::uint8_t { fine, broken } writing_ = Writing::fine;
  // Of our side of a tunnel, once the client has ended its own.
  enum class Ending : std::uint8_t { no, with_queue, said } ending_ = Ending::no;
  http::BodyWriter body_writer_;  // of the request; the framing is that of the tunnel, in one
  http::AskedBy asked_by_ = http::AskedBy::other;
  enum class Sent : std::uint8_t {
    part,
    all
  } sent_ = Sent::part;                                       // of the request, by the exchange
  http::Persistence persistence_ = http::Persistence::close;  // as the node says
  std::size_t first_read_ = ChunkPool::kChunkSize;            // of an answer, at most
  // A read that takes all it asks for says nothing of what is behind it.
  enum class LastRead : std::uint8_t {
    filled_buffer,
    drained_socket
  } last_read_ = LastRead::drained_socket;
  // Once a head has spoken of a body that must not come, it may come all the same, and late.
  enum class Trust : std::uint8_t { full, none } trust_ = Trust::full;
  Millis max_idle_;     // idle, at most: what the config and the node say
  Instant since_;       // it became idle, or was lent
  Millis idle_age_{0};  // when it was lent
  enum class Use : std::uint8_t { first, again } use_ = Use::first;
  bool received_any_ = false;   // since it was lent
  std::size_t pool_index_ = 0;  // its place in the pool's list of all
  std::size_t idle_index_ = 0;  // its place in the pool's list of idle ones, while idle
};

}  // namespace bonedry::proxy
