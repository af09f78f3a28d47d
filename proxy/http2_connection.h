#pragma once

#include "proxy/accepted_client.h"
#include "proxy/base/random.h"
#include "proxy/base/read_buffer.h"
#include "proxy/client_connection.h"
#include "proxy/client_identity.h"
#include "proxy/connection_limiter.h"
#include "proxy/http2/request_builder.h"
#include "proxy/http2/sent_fields.h"
#include "proxy/http2/server_session.h"
#include "proxy/http2_output.h"
#include "proxy/http2_stream.h"
#include "proxy/io/connection_transport.h"
#include "proxy/io/deferred.h"
#include "proxy/io/event_loop.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::proxy {

class Worker;

/// One HTTP/2 connection of a client: its transport, its session, and the streams on it, each of
/// which has an exchange, a user's session and a node of its own. Owned by its worker.
///
/// Events of one iteration of the event loop are written together, before the next poll.
///
///   open --> leaving --> closing --> lingering --> closed --> removed
///     \__________________/
///
/// leaving: GOAWAY, streams end; closing: the last frames; lingering: what the client still sends
/// is dropped; closed: the client is gone, exchanges may go on without it.
class Http2Connection final : public ClientConnection,
                              private http2::ServerEvents,
                              private io::FdWatcher::Handler {
 public:
  Http2Connection(Worker& worker, AcceptedClient accepted);
  ~Http2Connection() override;

  void begin() override;
  /// Instead of `begin`: tells the client that it is not served.
  void reject();
  void drain() override;
  void close() override;
  void follow_topology() override;

  // -- for its streams --------------------------------------------------------------------------
  [[nodiscard]] Worker& worker() { return worker_; }
  [[nodiscard]] http2::ServerSession& session() { return session_; }
  [[nodiscard]] Http2Output& output() { return out_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] http2::SentFields& fields();
  /// For the head that is being received.
  [[nodiscard]] http2::RequestBuilder& builder();
  [[nodiscard]] RequestSource source(Http2Stream& stream) const;
  [[nodiscard]] EndpointPair endpoints() const;
  [[nodiscard]] std::string_view client_text() const { return client_.text(); }
  [[nodiscard]] http::Trust trust() const { return client_.trust(); }
  [[nodiscard]] std::size_t listener() const { return listener_; }
  /// What is being received now.
  [[nodiscard]] const ReadBuffer& input() const { return in_; }
  /// `stream` wants `on_read_end`.
  void note_received(Http2Stream& stream) { received_.push_back(&stream); }
  /// The same, of a request that is complete: before the next poll, when other connections have
  /// been read too. What goes to a node then comes at once, and wakes it once.
  void note_complete(Http2Stream& stream) {
    complete_.push_back(&stream);
    begin_.schedule();
  }
  /// Writes before the next poll.
  void schedule_flush() { flush_.schedule(); }
  /// The same, and resets after what waits has been written, as far as the client takes it.
  void schedule_reset(http2::StreamId id, http2::ErrorCode code);
  /// Bytes that the client has not acknowledged, if it is the reason why nothing is sent.
  [[nodiscard]] std::size_t unacknowledged() const;
  void remove(Http2Stream& stream);

 private:
  static constexpr std::size_t kNotMeasured = std::numeric_limits<std::size_t>::max();
  enum class State : std::uint8_t { open, leaving, closing, lingering, closed, removed };
  enum class Goaway : std::uint8_t { none, announced, sent };
  /// What the timer waits for.
  enum class Awaited : std::uint8_t { nothing, request, head, reader, goaway, end };
  enum class Input : std::uint8_t { open, ended };

  [[nodiscard]] http2::StreamEvents* on_request(http2::StreamId id) override;
  void on_pong() override;
  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();

  void read();
  void receive();
  void keep_head();
  void end_read();
  void begin_exchanges();
  void on_end_of_input();
  void flush();
  [[nodiscard]] bool write();
  void note_counts();
  void settle();
  void leave();
  void linger();
  void lose();
  void disconnect();
  void remove_if_empty();
  template <class Call>
  void each_stream(const Call& call);
  void wait_for(Awaited what, Millis limit);
  void update_timer();
  void update_interest();

  // Many: one HTTP/2 connection is its transport, its buffers, its session and its streams.
  Worker& worker_;
  ClientIdentity client_;
  std::size_t listener_;
  const std::shared_ptr<const io::TlsInfo> tls_;  // null: not encrypted
  ConnectionLimiter::Slot slot_;
  const Instant head_due_;
  State state_ = State::open;
  Input input_ = Input::open;
  Goaway goaway_ = Goaway::none;
  io::ConnectionTransport transport_;  // null: the client is gone
  io::Timer timer_;
  Awaited awaited_ = Awaited::nothing;
  io::Deferred begin_;
  io::Deferred flush_;
  ReadBuffer in_;
  const http2::ServerLimits limits_;
  http2::ServerSession session_;
  Http2Output out_;
  std::unique_ptr<http2::RequestBuilder> builder_;  // of a head of which a part has been received
  std::vector<std::unique_ptr<Http2Stream>> streams_;
  std::vector<Http2Stream*> received_;  // null: was removed meanwhile
  std::vector<Http2Stream*> complete_;  // likewise
  std::uint64_t requests_ = 0;
  Endpoint local_;  // our end
  Random random_;
  std::size_t dropped_ = 0;  // bytes received while lingering
  std::size_t unacknowledged_ = kNotMeasured;
};

}  // namespace bonedry::proxy
