#pragma once

#include "balancer/idle_lifetime.h"
#include "proxy/base/read_buffer.h"
#include "proxy/connection_context.h"
#include "proxy/http2/client_session.h"
#include "proxy/http2/response_builder.h"
#include "proxy/http2/sent_fields.h"
#include "proxy/http2_output.h"
#include "proxy/http2_upstream_stream.h"
#include "proxy/io/connection_transport.h"
#include "proxy/io/deferred.h"
#include "proxy/io/event_loop.h"
#include "proxy/node_token.h"
#include "proxy/upstream_owner.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

class Http2UpstreamConnection;

/// Owns HTTP/2 connections to a node: a worker's list of them, or a health check.
class Http2UpstreamOwner {
 public:
  /// How long the connection is kept without streams from now on; 0: not at all.
  [[nodiscard]] virtual Millis max_idle_time(const Http2UpstreamConnection& connection) const = 0;
  /// `has_room` or `is_idle` may have changed.
  virtual void on_room_changed(Http2UpstreamConnection& connection) = 0;
  /// The connection is closed and has no streams: retires it; one of its calls may be on the stack.
  virtual void remove(Http2UpstreamConnection& connection) = 0;

 protected:
  ~Http2UpstreamOwner() = default;
};

/// One HTTP/2 connection to a node, whose streams are leased to exchanges. Owned by a worker's
/// UpstreamPool or a health check; its loop's thread.
///
///   connecting --> greeting --> open --> closed --> removed
///        \____________\__________________/
///
/// greeting: until the node's SETTINGS are here, which say how many streams it takes, and that it
/// speaks HTTP/2 at all; closed: streams whose response is here but not delivered yet are left. A
/// node's GOAWAY is no failure: no stream is leased any more, and the connection closes when the
/// last has ended.
class Http2UpstreamConnection final : public io::Retirable,
                                      private http2::ClientEvents,
                                      private io::FdWatcher::Handler {
 public:
  /// `transport` is connecting. All references outlive this. `target.streams` is a limit beside the
  /// node's own.
  Http2UpstreamConnection(NodeObserver& node, Http2UpstreamOwner& owner, ConnectionContext& context,
                          const UpstreamTarget& target, io::TransportSource transport);
  ~Http2UpstreamConnection() override;

  [[nodiscard]] std::uint64_t generation() const { return target_.generation; }
  /// Whether another stream may be leased.
  [[nodiscard]] bool has_room() const;
  /// How many streams the node takes at a time, once connected.
  [[nodiscard]] std::size_t limit_of_node() const { return session_.max_streams(); }
  /// Whether no stream is.
  [[nodiscard]] bool is_idle() const { return streams_.empty(); }
  [[nodiscard]] Millis idle_duration() const { return context_.loop.now() - since_; }
  /// Whether a connection that was idle may be leased from. Reads what the node has sent meanwhile,
  /// if this iteration of the event loop knows of something or the request may not be repeated.
  [[nodiscard]] bool is_fresh(balancer::Repeat repeat);
  /// A stream, on a connection with room. `in_use`: counts the connection at the node, if the node
  /// has a limit, until it has no streams; empty if it has some.
  [[nodiscard]] UpstreamStream& lease(UpstreamEvents& exchange, ConnectionToken in_use);
  /// Leases no more, and closes once it has no streams.
  void leave();
  /// Closes it at once; exchanges that have not got their responses get an error.
  void close();

  // -- for its streams --------------------------------------------------------------------------
  [[nodiscard]] ConnectionContext& context() { return context_; }
  [[nodiscard]] Http2Counters& counters() { return context_.http2_nodes; }
  [[nodiscard]] http2::ClientSession& session() { return session_; }
  [[nodiscard]] Http2Output& output() { return out_; }
  [[nodiscard]] http2::SentFields& fields() { return context_.http2.fields; }
  [[nodiscard]] http2::ResponseBuilder& builder() { return builder_; }
  [[nodiscard]] const ReadBuffer& input() const { return in_; }
  [[nodiscard]] std::string_view scheme() const;
  [[nodiscard]] bool connected() const { return state_ >= State::open; }
  /// Whether nothing can be sent any more, though responses may still come.
  [[nodiscard]] bool write_failed() const { return writing_ == Writing::broken; }
  /// The node takes no more streams than are there without the one that it has just refused.
  void note_refused();
  /// Writes before the next poll.
  void schedule_flush() { flush_.schedule(); }
  void schedule_reset(http2::StreamId id, http2::ErrorCode code);
  /// `stream` wants `on_read_end`.
  void note_received(Http2UpstreamStream& stream) { received_.push_back(&stream); }
  /// `stream` wants `tell_closed`.
  void note_closed(Http2UpstreamStream& stream) { closed_.push_back(&stream); }
  /// `stream` wants `on_resumed`.
  void note_resumed(Http2UpstreamStream& stream);
  /// The exchange has got something, and wants `on_response_read_end` after this read.
  void note_delivered(UpstreamEvents& exchange);
  [[nodiscard]] std::size_t unacknowledged() const;
  void remove(Http2UpstreamStream& stream);

 private:
  friend class Http2UpstreamList;
  enum class State : std::uint8_t { connecting, greeting, open, closed, removed };

  void on_goaway(http2::ErrorCode code) override;
  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();
  void on_connect_event();
  void become_open();
  void refuse_excess();
  void fail_to_connect(int error, const std::string& why);
  void read();
  void receive();
  void end_read();
  void tell_closed();
  void flush();
  void deliver_resumed();
  void settle();
  void become_idle();
  /// Nobody needs it any more.
  [[nodiscard]] bool is_left() const {
    return leases_ == Leases::over && streams_.empty() && out_.empty();
  }
  void on_connection_lost(io::IoStatus status);
  void close(const ConnectionLoss& loss);
  void remove_if_empty();
  template <class Call>
  void each_stream(const Call& call);
  void update_interest();

  /// Where the owner's lists have it.
  struct Place {
    enum class List : std::uint8_t { none, with_room, idle } list = List::none;
    std::size_t all = 0;
    std::size_t index = 0;
  };

  // Many: one HTTP/2 connection is its transport, its buffers, its session and its streams.
  NodeObserver& node_;
  Http2UpstreamOwner& owner_;
  ConnectionContext& context_;
  const UpstreamTarget target_;
  std::size_t max_streams_;  // beside what the node's SETTINGS say
  State state_ = State::connecting;
  enum class Leases : std::uint8_t { given, over } leases_ = Leases::given;
  enum class Writing : std::uint8_t { fine, broken } writing_ = Writing::fine;
  // Within its session, or about to tell streams of it: it must not be read.
  enum class Session : std::uint8_t { idle, in_use } in_session_ = Session::idle;
  io::ConnectionTransport transport_;
  io::Timer timer_;  // connect or idle time-out, depending on the state
  io::Deferred flush_;
  ReadBuffer in_;
  http2::ClientSession session_;
  Http2Output out_;
  http2::ResponseBuilder builder_;
  std::vector<std::unique_ptr<Http2UpstreamStream>> streams_;
  std::vector<Http2UpstreamStream*> received_;  // null: was removed meanwhile
  std::vector<Http2UpstreamStream*> resumed_;   // the same
  std::vector<Http2UpstreamStream*> closed_;    // the same
  std::vector<UpstreamEvents*> delivered_;
  ConnectionToken in_use_;
  Instant since_;  // when it became idle or was leased from after that
  Millis idle_before_lease_{0};
  enum class Heard : std::uint8_t { nothing, something } heard_ = Heard::nothing;  // since then
  std::uint64_t requests_ = 0;
  std::optional<http2::ErrorCode> goaway_;
  const char* fault_ = "";  // of the node, a literal
  Place place_;
};

}  // namespace bonedry::proxy
