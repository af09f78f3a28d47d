#pragma once

#include "tests/support/http2.h"
#include "tests/support/http_message.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace bonedry::test {

/// The body of a stream, which is sent as far as the windows of the peer allow. Owned by the
/// stream of a client or of a node.
struct Http2Output {
  std::string bytes;  ///< the part before `sent` is at the peer
  std::size_t sent = 0;
  bool ends = false;     ///< nothing follows `bytes` but the trailers
  bool is_over = false;  ///< the end is sent, too
  Headers trailers;

  [[nodiscard]] std::size_t unsent() const { return bytes.size() - sent; }
  void add(std::string_view more);
  /// What nghttp2_data_source_read_callback is to do.
  [[nodiscard]] ssize_t read(nghttp2_session* session, StreamId stream, std::uint8_t* buffer,
                             std::size_t size, std::uint32_t* flags);
};

}  // namespace bonedry::test
