#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bonedry::http2 {

/// RFC 9113, section 7.
enum class ErrorCode : std::uint32_t {
  no_error = 0,
  protocol_error = 1,
  internal_error = 2,
  flow_control_error = 3,
  settings_timeout = 4,
  stream_closed = 5,
  frame_size_error = 6,
  refused_stream = 7,
  cancel = 8,
  compression_error = 9,
  connect_error = 10,
  enhance_your_calm = 11,
  inadequate_security = 12,
  http_1_1_required = 13,
};

/// As the RFC names it, a literal.
[[nodiscard]] constexpr const char* name_of(ErrorCode code) {
  constexpr std::array<const char*, 14> kNames{"NO_ERROR",
                                               "PROTOCOL_ERROR",
                                               "INTERNAL_ERROR",
                                               "FLOW_CONTROL_ERROR",
                                               "SETTINGS_TIMEOUT",
                                               "STREAM_CLOSED",
                                               "FRAME_SIZE_ERROR",
                                               "REFUSED_STREAM",
                                               "CANCEL",
                                               "COMPRESSION_ERROR",
                                               "CONNECT_ERROR",
                                               "ENHANCE_YOUR_CALM",
                                               "INADEQUATE_SECURITY",
                                               "HTTP_1_1_REQUIRED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "an unknown error";
}

}  // namespace bonedry::http2
