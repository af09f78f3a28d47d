#include "tests/support/http2_output.h"

#include "tests/support/nghttp2_calls.h"

namespace bonedry::test {

void Http2Output::add(std::string_view more) {
  if (unsent() == 0) {
    bytes.clear();
    sent = 0;
  }
  bytes += more;
}

ssize_t Http2Output::read(nghttp2_session* session, StreamId stream, std::uint8_t* buffer,
                          std::size_t size, std::uint32_t* flags) {
  const std::size_t taken = bytes.copy(reinterpret_cast<char*>(buffer), size, sent);
  sent += taken;
  if (unsent() == 0 && ends) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    is_over = true;
    if (!trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto fields = to_name_values(trailers);
      check_nghttp2(nghttp2_submit_trailer(session, stream, fields.data(), fields.size()),
                    "trailers");
    }
  } else if (taken == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(taken);
}

}  // namespace bonedry::test
