#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The framing of gRPC, by hand.
namespace bonedry::test {

/// A message as it is in the body of a call: not compressed, its length, its bytes.
[[nodiscard]] inline std::string grpc_message(std::string_view bytes) {
  std::string message{'\0'};
  for (int shift = 24; shift >= 0; shift -= 8) {
    message += static_cast<char>(bytes.size() >> shift & 0xff);
  }
  return message.append(bytes);
}

inline constexpr std::size_t kGrpcPrefix = 5;

/// The length in the first kGrpcPrefix bytes of a message.
[[nodiscard]] inline std::size_t grpc_length(std::string_view prefix) {
  std::size_t length = 0;
  for (const char byte : prefix.substr(1, 4)) {
    length = length << 8 | static_cast<unsigned char>(byte);
  }
  return length;
}

/// Takes the first message from `body`; nothing when there is none that is whole.
[[nodiscard]] inline std::optional<std::string> take_grpc_message(std::string& body) {
  if (body.size() < kGrpcPrefix) return std::nullopt;
  const std::size_t length = grpc_length(body);
  if (body.size() < kGrpcPrefix + length) return std::nullopt;
  std::string message = body.substr(kGrpcPrefix, length);
  body.erase(0, kGrpcPrefix + length);
  return message;
}

}  // namespace bonedry::test
