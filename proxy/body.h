#pragma once

#include "proxy/base/chunk.h"
#include "proxy/http/body_pieces.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

class BodySlices;

/// A whole request body, kept in case the request is retried. It shares the chunk that the body was
/// read into, so a body has at most the size of one chunk, `kMostBytes`.
struct ReplayBody {
  static constexpr std::size_t kMostBytes = ChunkPool::kChunkSize;

  ChunkRef chunk;
  const char* data = nullptr;
  http::BodyPieces pieces;
  std::string trailers;

  [[nodiscard]] BodySlices slices() const;
};

/// Part of a body, as views into the chunk that it was read into. Valid within one call.
class BodySlices {
 public:
  /// `data`: address within `chunk` to which the offsets in `pieces` are relative.
  BodySlices(ChunkRef chunk, const char* data, const http::BodyPieces& pieces)
      : chunk_(std::move(chunk)), data_(data), pieces_(pieces) {}

  [[nodiscard]] std::size_t bytes() const { return pieces_.bytes; }
  [[nodiscard]] ReplayBody keep(std::string_view trailers) const {
    return {chunk_, data_, pieces_, std::string(trailers)};
  }
  /// `writer` adds the framing of the stream's protocol.
  template <class Writer, class Sink>
  void write_to(const Writer& writer, Sink sink) const {
    writer.write(chunk_, data_, pieces_, sink);
  }

 private:
  ChunkRef chunk_;
  const char* data_;
  const http::BodyPieces& pieces_;
};

inline BodySlices ReplayBody::slices() const {
  return {chunk, data, pieces};
}

/// Whether this is the last part of a message.
enum class Last : std::uint8_t { no, yes };

}  // namespace bonedry::proxy
