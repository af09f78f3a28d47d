#pragma once

#include "tests/support/deadline.h"
#include "tests/support/http_message.h"

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What the HTTP/2 client and the HTTP/2 node of the tests share; nobody else includes it.
namespace bonedry::test {

/// The time until then, at least 0.
[[nodiscard]] Millis left(TestTime until);

/// Throws SocketError with nghttp2's text when a call of it has failed.
void check_nghttp2(int result, const std::string& what);

/// Error codes are named as in RFC 9113, such as "CANCEL". Throws std::invalid_argument when there
/// is no such code.
[[nodiscard]] std::uint32_t http2_error_code(std::string_view name);
[[nodiscard]] std::string http2_error_name(std::uint32_t code);

[[nodiscard]] std::string to_text(const std::uint8_t* bytes, std::size_t size);

/// The fields for a call that sends them; they refer to `fields`. nghttp2 copies the bytes, and
/// changes names to lower case.
[[nodiscard]] std::vector<nghttp2_nv> to_name_values(const Headers& fields);

/// Takes from the session everything that it wants to send now.
[[nodiscard]] std::string take_output(nghttp2_session* session);

}  // namespace bonedry::test
