#pragma once

#include "tests/support/socket.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::test {

struct Header {
  std::string name;
  std::string value;

  friend bool operator==(const Header&, const Header&) = default;
};

/// Header fields in the order of arrival.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> fields) : fields_(fields) {}

  void add(std::string name, std::string value);
  [[nodiscard]] bool has(std::string_view name) const { return count(name) > 0; }
  [[nodiscard]] std::size_t count(std::string_view name) const;
  /// The value of the first field of this name, or "".
  [[nodiscard]] std::string get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// Whether a field of this name has `token` in its comma-separated list.
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const;
  [[nodiscard]] std::string to_wire() const;

  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }
  [[nodiscard]] bool empty() const { return fields_.empty(); }

 private:
  std::vector<Header> fields_;
};

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Start line and fields exactly as received.
struct MessageHead {
  std::string raw;  ///< includes the empty line
  std::string start_line;
  Headers headers;
};

/// How a body ended.
enum class BodyEnd : std::uint8_t {
  none,     ///< no body was expected
  length,   ///< as long as Content-Length announced
  chunked,  ///< with the last chunk
  close,    ///< the peer finished, and only that could end the body
  stream,   ///< HTTP/2: with END_STREAM
  aborted,  ///< the peer closed or reset before the end, or broke the framing
};

using BodySink = std::function<void(std::string_view)>;

/// Splits a stream of bytes into HTTP/1 messages.
class MessageReader {
 public:
  explicit MessageReader(Socket& socket) : socket_(socket) {}

  /// Empty when the peer finished before the first byte of a head.
  [[nodiscard]] std::optional<MessageHead> read_head(Millis deadline = kDeadline);

  struct Framing {
    std::optional<std::uint64_t> length;
    bool chunked = false;
    bool until_close = false;
  };
  /// Passes the body to `sink`, and its trailers to `trailers`. Throws TimedOut only: a peer that
  /// closes early is reported as a BodyEnd.
  [[nodiscard]] BodyEnd read_body(const Framing& framing, const BodySink& sink, Headers& trailers,
                                  Millis deadline = kDeadline);

  /// True when the peer has finished, in any way, and nothing is left to read.
  [[nodiscard]] bool at_end(Millis deadline);
  [[nodiscard]] bool has_buffered() const { return !buffer_.empty(); }

 private:
  [[nodiscard]] bool fill(Millis deadline);
  [[nodiscard]] std::string read_line(Millis deadline);
  void read_exactly(std::uint64_t size, const BodySink& sink, Millis deadline);
  void read_chunks(const BodySink& sink, Headers& trailers, Millis deadline);

  Socket& socket_;
  std::string buffer_;
};

/// A response as a client received it.
struct Response {
  std::string version;
  int status = 0;
  std::string reason;
  Headers headers;
  std::string body;  ///< its beginning, at most kKeptBody
  std::uint64_t body_size = 0;
  Headers trailers;
  BodyEnd end = BodyEnd::none;
  std::string reset;  ///< HTTP/2: the code of the peer's RST_STREAM, such as "CANCEL"; "": none
  std::string raw_head;
  std::vector<Response> interim;  ///< the 1xx responses before it

  static constexpr std::size_t kKeptBody = 1 << 20;

  [[nodiscard]] bool complete() const { return end != BodyEnd::aborted; }
};

/// Parses the start line and headers of a response.
[[nodiscard]] Response parse_response_head(const MessageHead& head);

}  // namespace bonedry::test
