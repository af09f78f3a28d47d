#pragma once

#include "proxy/http2/server_session.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Frames of HTTP/2 as bytes, written and read without the code under test.
namespace bonedry::http2::test {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class Kind : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
  priority_update = 16,
};
inline constexpr std::uint8_t kEndStream = 1;  // and ACK
inline constexpr std::uint8_t kEndHeaders = 4;

inline std::string number(std::uint32_t value, std::size_t size = 4) {
  std::string bytes;
  for (std::size_t i = size; i > 0; --i) bytes += static_cast<char>(value >> (8 * (i - 1)) & 0xffU);
  return bytes;
}

inline std::string frame(Kind kind, std::uint8_t flags, StreamId id, std::string_view payload) {
  std::string bytes = number(static_cast<std::uint32_t>(payload.size()), 3);
  bytes += static_cast<char>(kind);
  bytes += static_cast<char>(flags);
  return bytes + number(static_cast<std::uint32_t>(id)) + std::string(payload);
}

using FieldLines = std::vector<std::pair<std::string, std::string>>;

/// A block of literals that are not indexed (RFC 7541, section 6.2.2); texts of less than 127
/// bytes.
inline std::string block(const FieldLines& fields) {
  std::string bytes;
  for (const auto& [name, value] : fields) {
    bytes += '\0';
    bytes += static_cast<char>(name.size());
    bytes += name;
    bytes += static_cast<char>(value.size());
    bytes += value;
  }
  return bytes;
}

inline FieldLines get(const std::string& path = "/") {
  return {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", path}};
}

inline std::string request(StreamId id, std::uint8_t flags = kEndStream | kEndHeaders,
                           const FieldLines& fields = get()) {
  return frame(Kind::headers, flags, id, block(fields));
}

/// A frame that was received.
struct Received {
  Kind kind = Kind::data;
  std::uint8_t flags = 0;
  StreamId id = 0;
  std::string payload;

  /// Of RST_STREAM and GOAWAY.
  [[nodiscard]] ErrorCode code() const {
    return static_cast<ErrorCode>(number_at(kind == Kind::goaway ? 4 : 0));
  }
  [[nodiscard]] std::uint32_t number_at(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      value = value << 8U | static_cast<std::uint8_t>(payload.at(at + i));
    }
    return value;
  }
};

inline std::vector<Received> parse(std::string_view bytes) {
  std::vector<Received> frames;
  const auto at = [&bytes](std::size_t index) { return static_cast<std::uint8_t>(bytes[index]); };
  while (bytes.size() >= 9) {
    const std::size_t size = std::size_t{at(0)} << 16U | std::size_t{at(1)} << 8U | at(2);
    const auto id =
        static_cast<StreamId>((std::uint32_t{at(5)} & 0x7fU) << 24U | std::uint32_t{at(6)} << 16U |
                              std::uint32_t{at(7)} << 8U | at(8));
    frames.push_back({static_cast<Kind>(at(3)), at(4), id, std::string(bytes.substr(9, size))});
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
  }
  return frames;
}

}  // namespace bonedry::http2::test
