#pragma once

#include "balancer/idle_lifetime.h"
#include "conf/config.h"
#include "proxy/base/read_buffer.h"
#include "proxy/connection_context.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/parser.h"
#include "proxy/io/connection_transport.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/outbox.h"
#include "proxy/stream.h"
#include "proxy/upstream_owner.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace bonedry::proxy {

class UpstreamConnection;

/// Opens and owns HTTP/1 connections to a node: a worker's UpstreamPool, or a health check.
class UpstreamOwner : public NodeObserver {
 public:
  /// How long a reusable connection is kept idle from now on; 0: not at all.
  [[nodiscard]] virtual Millis max_idle_time(const UpstreamConnection& connection) const = 0;
  /// The connection becomes idle, or stops being idle.
  virtual void on_idle(UpstreamConnection& connection) = 0;
  virtual void on_busy(UpstreamConnection& connection) = 0;
  /// Removes and closes the connection; one of its calls may be on the stack.
  virtual void drop(UpstreamConnection& connection) = 0;

 protected:
  ~UpstreamOwner() = default;
};

/// One HTTP/1 connection to a node. Lent to at most one exchange at a time. A connection that
/// begins with a PROXY header belongs to one client and is closed after the exchange: kept for that
/// client alone, it would cost a file descriptor for as long as the client stays, or longer.
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
                     io::TransportSource transport);

  [[nodiscard]] std::uint64_t generation() const { return target_.generation; }

  /// Lends the connection, which must be `connecting` or `idle`. `in_use`: counts it at the node,
  /// if the node has a limit, until the connection is given back.
  void lend(UpstreamEvents& exchange, ConnectionToken in_use);
  /// Whether an idle connection must not be reused: the node has closed it or sent unsolicited
  /// bytes, which would be read as the next response, or its longest idle time is over. Checks the
  /// events of this event loop iteration. Also asks the kernel if the request may not be repeated,
  /// or if the node may still send a body that must not follow a head.
  [[nodiscard]] bool is_stale(balancer::Repeat repeat);
  /// Drops a stale connection; notifies the owner if the node has closed it.
  void drop_stale();
  [[nodiscard]] Millis idle_duration() const;
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
  void abort() override;

 private:
  friend class UpstreamPool;

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();
  void on_connect_event();
  void fail_to_connect(int error, const std::string& why);
  /// The node has closed the connection, or an error has occurred.
  void on_connection_lost(io::IoStatus status);
  void on_bad_response(const char* why);
  void read();
  void read_memory();
  [[nodiscard]] io::IoStatus splice_body();
  [[nodiscard]] http::HeadSink sink();
  /// Whether the node has probably sent more than one read returned.
  enum class More : std::uint8_t { unknown, likely };
  void parse(More more);
  [[nodiscard]] bool parse_head();
  [[nodiscard]] bool parse_body();
  void note_lifetime(const http::Head& head);
  void on_end_of_input();
  [[nodiscard]] bool has_stray_bytes() const;
  void update_interest();
  void set(State state);

  /// The request of the exchange that it is lent to.
  struct Request {
    http::BodyWriter writer;  // of its body, or of the tunnel
    http::RequestKind request_kind = http::RequestKind::other;
    enum class Sent : std::uint8_t { part, all } sent = Sent::part;  // queued here so far
    enum class Writing : std::uint8_t { fine, broken } writing = Writing::fine;
    // Half-close of our side of a tunnel, after the client has half-closed.
    enum class HalfClose : std::uint8_t { no, after_queue, done } half_close = HalfClose::no;
  };
  /// The response to it.
  struct Response {
    enum class Phase : std::uint8_t { head, body, done } phase = Phase::head;
    Pauses pauses;  // of reading it
    bool received_any = false;
    http::Persistence persistence = http::Persistence::close;  // as announced by the node
    std::size_t first_read = BlockPool::kBlockSize;            // size limit of a first read
    io::Unread unread = io::Unread::none;                      // after the last read
    // If a head has announced a body that must not follow, the node may still send it, and late.
    enum class BodyTrust : std::uint8_t { full, none } body_trust = BodyTrust::full;
  };
  /// For how long it has been idle, and may be.
  struct Idleness {
    Instant since;  // when it became idle or was lent
    Millis idle_before_lend{0};
    Millis max = Millis::max();  // as announced by the node
    enum class Use : std::uint8_t { first, again } use = Use::first;
  };
  /// Where the pool's lists have it.
  struct PoolIndex {
    std::size_t all = 0;
    std::size_t idle = 0;  // while idle
  };
  using Phase = Response::Phase;

  // Many: one HTTP/1 connection is its transport, its buffers, its parser and both messages.
  UpstreamOwner& owner_;
  ConnectionContext& context_;
  const UpstreamTarget target_;
  State state_ = State::connecting;
  io::ConnectionTransport transport_;
  ReadBuffer in_;
  io::Outbox out_;
  http::Parser parser_{http::Parser::Kind::response};
  io::Timer timer_;  // connect or idle time-out, depending on the state
  UpstreamEvents* exchange_ = nullptr;
  ConnectionToken in_use_;
  Request request_;
  Response response_;
  Idleness idleness_;
  PoolIndex pool_index_;
};

}  // namespace bonedry::proxy
