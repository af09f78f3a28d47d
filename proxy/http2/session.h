#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http2/error_code.h"
#include "proxy/http2/frame_budget.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

struct nghttp2_session;

/// HTTP/2 (RFC 9113) through memory: libnghttp2, and what it leaves to its user. Knows no socket,
/// no exchange and no pool.
namespace bonedry::http2 {

using StreamId = std::int32_t;

/// A field of a head that is sent. The name's case does not matter. Valid for one call.
struct FieldView {
  std::string_view name;
  std::string_view value;
};

/// Whether a part that is sent or received is the last of its stream (END_STREAM).
enum class End : std::uint8_t { no, yes };

/// What the session needs to know of one stream. Implemented by the user's stream; the session
/// calls it until `on_closed`, from `receive` and `produce` only. It may call the session, but
/// neither of these two.
class StreamEvents {
 public:
  /// A field of the head, or of the trailers; pseudo-fields first. Views for this call.
  virtual void on_field(std::string_view name, std::string_view value) = 0;
  virtual void on_head(End end) = 0;
  /// The bytes are part of what `receive` was given. They use up the stream's window until
  /// `Session::give_back`.
  virtual void on_data(std::string_view bytes) = 0;
  /// The peer has ended its side, after data or trailers.
  virtual void on_end() = 0;
  /// The stream has ended: both sides regularly (`no_error`), or by a reset of either side.
  virtual void on_closed(ErrorCode code) = 0;

  /// How many bytes of the body are there to be sent.
  [[nodiscard]] virtual std::size_t waiting() const = 0;
  /// Moves the first `size` of them, which are there, to the end of the queue.
  virtual void move_body(std::size_t size, SliceQueue& to) = 0;
  /// Whether nothing follows what waits.
  [[nodiscard]] virtual End body_end() const = 0;
  /// Sent after the body, which has ended; empty: none. Valid for the call in which it is asked.
  [[nodiscard]] virtual std::span<const FieldView> trailers() = 0;
  /// END_STREAM has been written.
  virtual void on_sent_end() = 0;

 protected:
  ~StreamEvents() = default;
};

/// What a session needs to know of its user.
class SessionEvents {
 public:
  /// A request begins. Its stream, or nullptr: it is refused (REFUSED_STREAM).
  [[nodiscard]] virtual StreamEvents* on_request(StreamId id) = 0;
  /// The peer has answered `Session::ping`.
  virtual void on_pong() = 0;

 protected:
  ~SessionEvents() = default;
};

/// Limits for the peer, and what it is told of them (SETTINGS).
struct SessionLimits {
  /// Streams at a time: what browsers and nginx, HAProxy and Envoy are content with.
  std::uint32_t streams = 100;
  /// Of one stream's body. While it is not delivered, so much is stored at most.
  std::uint32_t stream_window = 64 * 1024;
  /// Of all streams' bodies on their way. What is stored does not count, so that a stream that
  /// waits for its node holds up no other.
  std::uint32_t connection_window = 1024 * 1024;
  /// The largest head that is accepted, for the peer's information.
  std::uint32_t header_list = 32 * 1024;
  /// Decoded bytes of a header block at which the connection ends. Blocks that are smaller but too
  /// large for `[limits] header_bytes` are the user's business.
  std::size_t header_block = 256 * 1024;
};

/// Frames of a session.
struct SessionCounts {
  std::uint64_t resets_received = 0;
  std::uint64_t resets_sent = 0;
  std::uint64_t goaways_sent = 0;
};

/// The server's side of one HTTP/2 connection. Owned by a connection; loop's thread.
class ServerSession {
 public:
  /// Throws std::bad_alloc.
  ServerSession(SessionEvents& events, const SessionLimits& limits);
  ~ServerSession();
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  /// Processes bytes of the peer. False: the session has failed (see `produce` for what the peer is
  /// told of it) and takes no more.
  [[nodiscard]] bool receive(std::string_view bytes, Instant now);
  /// Appends frames, while there are any and the queue has fewer than `max_bytes`. Not within an
  /// event.
  void produce(SliceQueue& queue, BlockPool& blocks, std::size_t max_bytes);
  /// Whether `produce` has something to write.
  [[nodiscard]] bool wants_to_write() const;
  /// Whether nothing is to be read or written any more.
  [[nodiscard]] bool is_over() const;
  /// Whether the peer has begun a header block that is not complete.
  [[nodiscard]] bool within_head() const { return within_head_; }

  /// Heads of responses: 1xx, and the last one. Fields are copied.
  void send_interim(StreamId id, std::span<const FieldView> fields);
  void send_head(StreamId id, std::span<const FieldView> fields, End end);
  /// There is more of the body, or its end.
  void resume_body(StreamId id);
  void reset(StreamId id, ErrorCode code);
  /// The peer has made an error which is answered by a response: it counts as one that is answered
  /// by a reset.
  void note_error_of_peer() { ++unpaid_errors_; }
  /// A request has been carried out: who has work done may also do a little that is none.
  void note_work();
  /// Body bytes of the stream have been delivered.
  void give_back(StreamId id, std::size_t size);
  /// Bytes that the peer allows to send on the stream now.
  [[nodiscard]] std::size_t stream_window(StreamId id) const;
  /// The same for all streams together.
  [[nodiscard]] std::size_t connection_window() const;

  void ping();
  /// GOAWAY that refuses nothing yet: the peer begins no new stream once it has it.
  void announce_goaway();
  /// GOAWAY: streams that are not known yet are ignored; those that are known end regularly.
  void send_goaway(ErrorCode code);
  /// GOAWAY, and the end of all streams.
  void terminate(ErrorCode code);
  /// Calls no stream any more. For a user who ends within an event.
  void stop() { state_ = State::failed; }

  /// Since the last call.
  [[nodiscard]] SessionCounts take_counts() { return std::exchange(counts_, {}); }

 private:
  struct Callbacks;
  /// The header of the frame that is being received.
  struct Frame {
    std::uint32_t size = 0;
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    StreamId stream = 0;
  };
  /// A stream that has ended.
  struct Ended {
    StreamId id = 0;
    enum class By : std::uint8_t { regularly, our_reset } by = By::regularly;
  };
  struct Deleter {
    void operator()(nghttp2_session* session) const;
  };

  [[nodiscard]] bool pass_on(std::string_view bytes);
  [[nodiscard]] std::string_view take_header(std::string_view& bytes);
  void begin_frame(std::string_view header);
  void end_frame();
  void note_payload(std::string_view bytes);
  void check_priority();
  void check_priority_update();
  [[nodiscard]] StreamId id_in_payload() const;
  void push_settings(std::string_view frame);
  void check_ended_stream();
  void spend(FrameBudget& budget);
  void note_data_sent(std::size_t size, std::uint8_t flags);
  void note_ended(StreamId id, Ended::By by);
  [[nodiscard]] const Ended& last_ended() const;
  [[nodiscard]] const Ended* find_ended(StreamId id) const;
  [[nodiscard]] StreamEvents* stream(StreamId id) const;

  SessionEvents& events_;
  const SessionLimits limits_;
  std::unique_ptr<nghttp2_session, Deleter> session_;
  enum class State : std::uint8_t { open, terminated, failed } state_ = State::open;

  // What comes in: libnghttp2 gets it frame by frame, so that each header can be judged before.
  Instant now_{};
  std::size_t preface_left_ = 24;  // RFC 9113, section 3.4
  std::array<char, 9> header_{};
  std::size_t header_size_ = 0;  // of it, bytes that are here
  Frame frame_;
  std::size_t payload_left_ = 0;
  std::array<char, 4> payload_{};  // its first bytes
  std::size_t frame_data_ = 0;     // body bytes of this frame
  std::size_t block_bytes_ = 0;    // decoded, of this header block
  bool within_head_ = false;
  // Whether the peer has changed the windows of all streams, since the last `produce`.
  enum class Windows : std::uint8_t { as_before, changed } windows_ = Windows::as_before;
  enum class Settings : std::uint8_t { to_be_sent, sent } settings_ = Settings::to_be_sent;
  StreamId last_request_ = 0;
  StreamId last_accepted_ = std::numeric_limits<StreamId>::max();  // see send_goaway

  // What the peer may still do; see session.cc.
  FrameBudget control_;
  FrameBudget resets_;
  std::uint64_t unpaid_errors_ = 0;   // of the peer, since the last frame
  std::uint64_t window_updates_ = 0;  // received
  std::uint64_t earned_updates_ = 0;  // of them, by data that was sent
  std::uint64_t data_bytes_ = 0;      // sent, and not counted in those yet
  std::uint64_t work_ = 0;            // requests that were carried out

  // The last streams that have ended, oldest first from `next_ended_`.
  std::array<Ended, 256> ended_{};
  std::size_t next_ended_ = 0;
  std::uint64_t ended_count_ = 0;

  // During `produce`.
  SliceQueue* queue_ = nullptr;
  BlockPool* blocks_ = nullptr;
  SessionCounts counts_;
};

}  // namespace bonedry::http2
