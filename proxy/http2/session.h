#pragma once

#include "proxy/base/slice_queue.h"
#include "proxy/http2/error_code.h"
#include "proxy/http2/session_counts.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

struct nghttp2_session;
struct nghttp2_session_callbacks;

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

/// Who has ended a stream.
enum class EndedBy : std::uint8_t { both, us, peer };

/// What the session needs to know of one stream. Implemented by the user's stream; the session
/// calls it until `on_closed`, from `receive` and `produce` only. It may call the session, but
/// neither of these two.
class StreamEvents {
 public:
  /// A field of the head, or of the trailers; pseudo-fields first. Views for this call.
  virtual void on_field(std::string_view name, std::string_view value) = 0;
  /// A client's stream gets interim heads as well, and the trailers as the last one.
  virtual void on_head(End end) = 0;
  /// The bytes are part of what `receive` was given. They use up the stream's window until
  /// `Session::give_back`.
  virtual void on_data(std::string_view bytes) = 0;
  /// The peer has ended its side, after data or trailers.
  virtual void on_end() = 0;
  /// The stream has ended: both sides regularly (`no_error`), or by a reset of either side.
  virtual void on_closed(ErrorCode code, EndedBy by) = 0;

  /// How many bytes of the body are there to be sent.
  [[nodiscard]] virtual std::size_t waiting() const = 0;
  /// Moves the first `size` of them, which are there, to the end of the queue.
  virtual void move_body(std::size_t size, SliceQueue& to) = 0;
  /// Whether nothing follows what waits.
  [[nodiscard]] virtual End body_end() const = 0;
  /// Sent after the body, which has ended; empty: none. Valid for the call in which it is asked.
  [[nodiscard]] virtual std::span<const FieldView> trailers() = 0;
  /// A head is about to be written.
  virtual void on_sending_head() {}
  /// END_STREAM has been written.
  virtual void on_sent_end() = 0;

 protected:
  ~StreamEvents() = default;
};

/// One HTTP/2 connection, as far as both of its sides do the same: what is
/// sent, windows, and the taking of fields and data. Owned
/// by a connection; loop's thread.
class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Appends frames, while there are any and the queue has fewer than `max_bytes`. Not within an
  /// event.
  void produce(SliceQueue& queue, BlockPool& blocks, std::size_t max_bytes);
  /// Whether `produce` has something to write.
  [[nodiscard]] bool wants_to_write() const;
  /// Whether nothing is to be read or written any more.
  [[nodiscard]] bool is_over() const;

  /// There is more of the body, or its end.
  void resume_body(StreamId id);
  void reset(StreamId id, ErrorCode code);
  /// Body bytes of the stream have been delivered.
  void give_back(StreamId id, std::size_t size);
  /// Bytes that the peer allows to send on the stream now; on one that is not written yet: at
  /// first.
  [[nodiscard]] std::size_t stream_window(StreamId id) const;
  /// The same for all streams together.
  [[nodiscard]] std::size_t connection_window() const;

  void ping();
  /// GOAWAY, and the end of all streams.
  void terminate(ErrorCode code);
  /// Calls no stream any more. For a user who ends within an event.
  void stop() { state_ = State::failed; }

  /// Since the last call.
  [[nodiscard]] SessionCounts take_counts() { return std::exchange(counts_, {}); }

 protected:
  struct SharedCallbacks;
  struct Deleter {
    void operator()(nghttp2_session* session) const;
  };
  struct CallbacksDeleter {
    void operator()(nghttp2_session_callbacks* callbacks) const;
  };
  using Native = std::unique_ptr<nghttp2_session, Deleter>;
  using NativeCallbacks = std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter>;
  enum class State : std::uint8_t { open, terminated, failed };

  /// `header_block`: decoded bytes of a header block at which the connection ends.
  explicit Session(std::size_t header_block) : header_block_(header_block) {}
  ~Session() = default;

  /// Those that are the same for both sides. Throws std::bad_alloc.
  [[nodiscard]] static NativeCallbacks shared_callbacks();
  void take(Native session) { session_ = std::move(session); }
  [[nodiscard]] nghttp2_session* native() const { return session_.get(); }
  [[nodiscard]] StreamEvents* stream(StreamId id) const;
  /// Of this stream; nullptr: nobody wants its fields.
  void begin_header_block(StreamEvents* stream) {
    block_bytes_ = 0;
    block_stream_ = stream;
  }
  /// The stream is called no more.
  void drop_stream(StreamId id);
  [[nodiscard]] bool pass_on(std::string_view bytes);
  /// A frame, or the beginning of one whose body follows by itself.
  virtual void write(std::string_view frame, SliceQueue& queue, BlockPool& blocks);
  /// RST_STREAM has been written.
  virtual void on_reset_sent(StreamId /*id*/, ErrorCode /*code*/) {}
  /// A stream of ours that begins with an error, which closes it.
  virtual void on_request_not_sent(StreamId /*id*/) {}
  virtual void on_data_received(std::size_t /*size*/) {}
  virtual void on_data_sent(std::size_t /*size*/, End /*end*/) {}
  virtual void on_produced() {}

  State state_ = State::open;
  SessionCounts counts_;

 private:
  Native session_;
  const std::size_t header_block_;
  // Of the header block that is being received.
  std::size_t block_bytes_ = 0;  // decoded
  StreamEvents* block_stream_ = nullptr;
  // During `produce`.
  SliceQueue* queue_ = nullptr;
  BlockPool* blocks_ = nullptr;
};

}  // namespace bonedry::http2
