#pragma once

#include "proxy/http2/client_session.h"
#include "tests/unit/http2/frames.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Streams and sessions of a client, whose bytes the test carries.
namespace bonedry::http2::test {

/// One stream of either side, which notes what it is told, and has a body to send.
class NotingStream final : public StreamEvents {
 public:
  explicit NotingStream(BlockPool& blocks) : blocks_(blocks) {}

  void on_field(std::string_view name, std::string_view value) override {
    fields += std::string(name) + "=" + std::string(value) + ";";
  }
  void on_head(End last) override { heads.push_back(last); }
  void on_data(std::string_view bytes) override { data += bytes; }
  void on_end() override { ++ends; }
  void on_closed(ErrorCode code, EndedBy by) override {
    ++closes;
    closed = code;
    closed_by = by;
  }
  [[nodiscard]] std::size_t waiting() const override { return body_.bytes(); }
  void move_body(std::size_t size, SliceQueue& to) override { body_.move_front(size, blocks_, to); }
  [[nodiscard]] End body_end() const override { return end; }
  [[nodiscard]] std::span<const FieldView> trailers() override { return trailer_fields; }
  void on_sending_head() override { ++sent_heads; }
  void on_sent_end() override { ++sent_ends; }

  /// Sends this as well.
  void add(std::string_view text) { body_.push_copy(blocks_, text); }

  std::string fields;
  std::vector<End> heads;
  std::string data;
  unsigned ends = 0;
  unsigned closes = 0;
  std::optional<ErrorCode> closed;
  EndedBy closed_by = EndedBy::both;
  End end = End::no;
  std::vector<FieldView> trailer_fields;
  unsigned sent_heads = 0;
  unsigned sent_ends = 0;

 private:
  BlockPool& blocks_;
  SliceQueue body_;
};

/// What a session writes now.
inline std::string bytes_of(Session& session, BlockPool& blocks,
                            std::size_t max = std::size_t{1} << 24U) {
  SliceQueue queue;
  session.produce(queue, blocks, max);
  std::string bytes;
  std::array<iovec, 64> vectors{};
  while (!queue.empty()) {
    const std::size_t count = queue.gather(vectors);
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      bytes.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
      size += vectors[i].iov_len;
    }
    queue.consume(size);
  }
  return bytes;
}

inline std::vector<FieldView> request_fields(std::string_view path = "/") {
  return {{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", path}};
}

/// SETTINGS with one parameter (RFC 9113, section 6.5.1).
inline std::string setting(unsigned id, std::uint32_t value) {
  return frame(Kind::settings, 0, 0, number(id, 2) + number(value));
}
inline constexpr unsigned kMaxConcurrentStreams = 3;
inline constexpr unsigned kInitialWindowSize = 4;

inline std::string response(StreamId id, std::uint8_t flags, const FieldLines& more = {}) {
  FieldLines fields{{":status", "200"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return frame(Kind::headers, flags, id, block(fields));
}

inline std::string goaway(StreamId last, ErrorCode code) {
  return frame(Kind::goaway, 0, 0,
               number(static_cast<std::uint32_t>(last)) + number(static_cast<std::uint32_t>(code)));
}

inline std::string reset(StreamId id, ErrorCode code) {
  return frame(Kind::rst_stream, 0, id, number(static_cast<std::uint32_t>(code)));
}

inline constexpr std::uint8_t kAll = kEndHeaders | kEndStream;
inline constexpr std::uint8_t kAck = kEndStream;

/// A client whose node is made of frames.
class ClientRig : public testing::Test, protected ClientEvents {
 protected:
  ClientRig() : session_(*this, limits(), memory_) {
    (void)sent();
    EXPECT_TRUE(receive(frame(Kind::settings, 0, 0, "") + frame(Kind::settings, kAck, 0, "")));
    (void)sent();
  }

  static ClientLimits limits() {
    ClientLimits limits;
    limits.stream_window = 70'000;
    limits.header_block = 4'000;
    return limits;
  }
  void on_goaway(ErrorCode code) override { goaways_.push_back(code); }

  [[nodiscard]] bool receive(std::string_view bytes) { return session_.receive(bytes, now_); }
  /// What has been written since the last call, without SETTINGS and the connection's window.
  std::vector<Received> sent() {
    std::string bytes = bytes_of(session_, blocks_);
    if (bytes.starts_with(kPreface)) bytes.erase(0, kPreface.size());
    std::vector<Received> frames = parse(bytes);
    std::erase_if(frames, [](const Received& one) {
      return one.kind == Kind::settings || (one.kind == Kind::window_update && one.id == 0);
    });
    return frames;
  }
  /// The only frame that was sent of this kind.
  Received only(Kind kind) {
    std::vector<Received> frames = sent();
    std::erase_if(frames, [kind](const Received& one) { return one.kind != kind; });
    EXPECT_EQ(frames.size(), 1U);
    return frames.empty() ? Received{} : frames.front();
  }
  /// That the session has ended for this reason.
  void expect_goaway(ErrorCode code) {
    EXPECT_EQ(only(Kind::goaway).code(), code);
    EXPECT_TRUE(session_.is_over());
    EXPECT_FALSE(receive(frame(Kind::settings, 0, 0, "")));
  }
  /// Begins a stream; the first is 1, the next 3.
  NotingStream& begin(End end = End::yes) {
    NotingStream& stream = streams_.emplace_back(blocks_);
    const auto fields = request_fields();
    EXPECT_EQ(session_.send_request(fields, end, stream), 2 * streams_.size() - 1);
    return stream;
  }
  /// The same, and writes it.
  NotingStream& begun(End end = End::yes) {
    NotingStream& stream = begin(end);
    const auto frames = sent();
    EXPECT_EQ(frames.size(), 1U);
    return stream;
  }
  static void expect_closed(const NotingStream& stream, ErrorCode code, EndedBy by) {
    EXPECT_EQ(stream.closed, code);
    EXPECT_EQ(stream.closed_by, by);
    EXPECT_EQ(stream.closes, 1U);
  }

  BlockPool blocks_;
  SessionMemory memory_;
  Instant now_{1'000};
  std::vector<ErrorCode> goaways_;
  std::deque<NotingStream> streams_;
  ClientSession session_;
};

}  // namespace bonedry::http2::test
