#pragma once

#include "proxy/base/clock.h"
#include "proxy/http2/frame_budget.h"
#include "proxy/http2/session.h"
#include "proxy/http2/session_memory.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bonedry::http2 {

/// What a client's session needs to know of its user.
class ClientEvents {
 public:
  /// The peer accepts no new streams. Streams that it has not processed are closed by this session
  /// (`refused_stream`); the others end regularly.
  virtual void on_goaway(ErrorCode code) = 0;

 protected:
  ~ClientEvents() = default;
};

/// Limits for the peer.
struct ClientLimits {
  /// Of one stream's body. While it is not delivered, so much is stored at most.
  std::uint32_t stream_window = 64 * 1024;
  /// Of all streams' bodies on their way. What is stored does not count, so that a client that does
  /// not read holds up no other.
  std::uint32_t connection_window = 1024 * 1024;
  /// Decoded bytes of a header block at which the connection ends. Blocks that are smaller but too
  /// large for `[limits] header_bytes` are the user's business.
  std::size_t header_block = 256 * 1024;
};

/// The client's side of one HTTP/2 connection. Owned by a connection; loop's thread.
class ClientSession final : public Session {
 public:
  /// Throws std::bad_alloc.
  ClientSession(ClientEvents& events, const ClientLimits& limits, SessionMemory& memory);
  ~ClientSession() = default;

  /// Processes bytes of the peer. False: the session takes no more.
  [[nodiscard]] bool receive(std::string_view bytes, Instant now);

  /// Begins a stream; it is written once the peer allows so many. `stream` must be there until its
  /// `on_closed`, which may come for a stream that was never written (`refused_stream`). Fields are
  /// copied. Nothing: the connection has no more ids.
  [[nodiscard]] std::optional<StreamId> send_request(std::span<const FieldView> fields, End end,
                                                     StreamEvents& stream);
  /// Calls a stream no more that has not been written yet, and never writes it.
  void forget(StreamId id);
  /// How many streams the peer allows at a time; a guess until it has said so.
  [[nodiscard]] std::uint32_t max_streams() const;
  /// Whether the peer has shown that it speaks HTTP/2.
  [[nodiscard]] bool is_greeted() const { return greeting_ == Greeting::received; }

 private:
  struct Callbacks;

  void on_request_not_sent(StreamId id) override { not_sent_ = id; }
  void on_data_sent(std::size_t size, End end) override;

  ClientEvents& events_;
  Instant now_{};
  FrameBudget control_;
  StreamId reset_by_peer_ = 0;  // by the frame that is being received
  StreamId not_sent_ = 0;       // the request that could not be written
  enum class Greeting : std::uint8_t { awaited, received } greeting_ = Greeting::awaited;
};

}  // namespace bonedry::http2
