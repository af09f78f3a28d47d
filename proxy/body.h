#pragma once

#include "proxy/base/chunk.h"
#include "proxy/http/body_pieces.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

class BodySlices;

/// A whole request body, kept in case the request has to be sent again. It keeps the chunk that it
/// was read into, which is what bounds it: `kMostBytes` are in one chunk.
struct ReplayBody {
  static constexpr std::size_t kMostBytes = ChunkPool::kChunkSize;

  ChunkRef chunk;
  const char* data = nullptr;
  http::BodyPieces pieces;
  std::string trailers;

  [[nodiscard]] BodySlices slices() const;
};

/// Some of a body, as views of the chunk that it was read into. Valid within one call.
class BodySlices {
 public:
  /// `data`: what the pieces count from, in `chunk`.
  BodySlices(ChunkRef chunk, const char* data, const http::BodyPieces& pieces)
      : chunk_(std::move(chunk)), data_(data), pieces_(pieces) {}

  [[nodiscard]] std::size_t bytes() const { return pieces_.bytes; }
  [[nodiscard]] ReplayBody keep(std::string_view trailers) const {
    return {chunk_, data_, pieces_, std::string(trailers)};
  }
  /// `writer` frames it, as the protocol of the stream has it.
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

/// Whether a message goes on or this was the last of it.
enum class Last : std::uint8_t { no, yes };

}  // namespace bonedry::proxy
