#pragma once

#include "proxy/base/clock.h"
#include "proxy/http2/frame_budget.h"
#include "proxy/http2/session.h"
#include "proxy/http2/session_memory.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http2 {

/// What a server's session needs to know of its user.
class ServerEvents {
 public:
  /// A request begins. Its stream, or nullptr: it is refused (REFUSED_STREAM).
  [[nodiscard]] virtual StreamEvents* on_request(StreamId id) = 0;
  /// The peer has answered `Session::ping`.
  virtual void on_pong() = 0;

 protected:
  ~ServerEvents() = default;
};

/// Limits for the peer, and what it is told of them (SETTINGS).
struct ServerLimits {
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

/// The server's side of one HTTP/2 connection. Owned by a connection; loop's thread.
class ServerSession final : public Session {
 public:
  /// Throws std::bad_alloc.
  ServerSession(ServerEvents& events, const ServerLimits& limits, SessionMemory& memory);
  ~ServerSession() = default;

  /// Processes bytes of the peer. False: the session has failed (see `produce` for what the peer is
  /// told of it) and takes no more.
  [[nodiscard]] bool receive(std::string_view bytes, Instant now);
  /// Whether the peer has begun a header block that is not complete.
  [[nodiscard]] bool within_head() const { return within_head_; }

  /// Heads of responses: 1xx, and the last one. Fields are copied.
  void send_interim(StreamId id, std::span<const FieldView> fields);
  void send_head(StreamId id, std::span<const FieldView> fields, End end);
  /// The peer has made an error which is answered by a response: it counts as one that is answered
  /// by a reset.
  void note_error_of_peer() { ++unpaid_errors_; }
  /// A request has been carried out: who has work done may also do a little that is none.
  void note_work();

  /// GOAWAY that refuses nothing yet: the peer begins no new stream once it has it.
  void announce_goaway();
  /// GOAWAY: streams that are not known yet are ignored; those that are known end regularly.
  void send_goaway(ErrorCode code);

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
    EndedBy by = EndedBy::both;  // not told apart: both, and the peer
  };

  void write(std::string_view frame, SliceQueue& queue, BlockPool& blocks) override;
  void on_reset_sent(StreamId id, ErrorCode code) override;
  void on_data_sent(std::size_t size, End end) override;
  void on_data_received(std::size_t size) override { frame_data_ += size; }
  void on_produced() override { windows_ = Windows::as_before; }

  [[nodiscard]] std::string_view take_header(std::string_view& bytes);
  void begin_frame(std::string_view header);
  void end_frame();
  void note_payload(std::string_view bytes);
  void check_priority();
  void check_priority_update();
  [[nodiscard]] StreamId id_in_payload() const;
  [[nodiscard]] std::string own_settings(std::string_view frame) const;
  void check_ended_stream();
  void spend(FrameBudget& budget);
  void note_ended(StreamId id, EndedBy by);
  [[nodiscard]] const Ended& last_ended() const;
  [[nodiscard]] const Ended* find_ended(StreamId id) const;

  ServerEvents& events_;
  const ServerLimits limits_;

  // What comes in: libnghttp2 gets it frame by frame, so that each header can be judged before.
  Instant now_{};
  std::size_t preface_left_ = 24;  // RFC 9113, section 3.4
  std::array<char, 9> header_{};
  std::size_t header_size_ = 0;  // of it, bytes that are here
  Frame frame_;
  std::size_t payload_left_ = 0;
  std::array<char, 4> payload_{};  // its first bytes
  std::size_t frame_data_ = 0;     // body bytes of this frame
  bool within_head_ = false;
  // Whether the peer has changed the windows of all streams, since the last `produce`.
  enum class Windows : std::uint8_t { as_before, changed } windows_ = Windows::as_before;
  enum class Settings : std::uint8_t {
    to_be_sent,
    sent,
    acknowledged
  } settings_ = Settings::to_be_sent;
  StreamId last_request_ = 0;
  std::size_t active_ = 0;           // streams that the user has
  std::vector<StreamId> announced_;  // by PRIORITY_UPDATE, and not begun; at most `limits_.streams`
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
};

}  // namespace bonedry::http2
