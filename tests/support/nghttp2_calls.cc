#include "tests/support/nghttp2_calls.h"

#include "tests/support/socket.h"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace bonedry::test {

Millis left(TestTime until) {
  return std::max(Millis{0}, std::chrono::ceil<Millis>(until - TestClock::now()));
}

void check_nghttp2(int result, const std::string& what) {
  if (result == NGHTTP2_ERR_NOMEM) throw std::bad_alloc{};
  if (result < 0) throw SocketError(what + ": " + nghttp2_strerror(result));
}

std::uint32_t http2_error_code(std::string_view name) {
  for (std::uint32_t code = NGHTTP2_NO_ERROR; code <= NGHTTP2_HTTP_1_1_REQUIRED; ++code) {
    if (nghttp2_http2_strerror(code) == name) return code;
  }
  throw std::invalid_argument("no error code of HTTP/2: " + std::string{name});
}

std::string http2_error_name(std::uint32_t code) {
  return nghttp2_http2_strerror(code);
}

std::string to_text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<nghttp2_nv> to_name_values(const Headers& fields) {
  const auto bytes = [](const std::string& value) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  };
  std::vector<nghttp2_nv> all;
  for (const auto& [name, value] : fields) {
    all.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return all;
}

std::string take_output(nghttp2_session* session) {
  std::string output;
  const std::uint8_t* bytes = nullptr;
  for (;;) {
    const ssize_t size = nghttp2_session_mem_send(session, &bytes);
    check_nghttp2(static_cast<int>(std::min<ssize_t>(size, 0)), "send");
    if (size == 0) return output;
    output += to_text(bytes, static_cast<std::size_t>(size));
  }
}

}  // namespace bonedry::test
