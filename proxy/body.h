#pragma once

#include "proxy/base/block.h"
#include "proxy/http/body_pieces.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

class BodySlices;

/// A whole request body, kept in case the request is retried. It shares the block that the body was
/// read into, so a body has at most the size of one block, `kMaxBytes`.
struct ReplayBody {
  static constexpr std::size_t kMaxBytes = BlockPool::kBlockSize;

  BlockRef block;
  const char* data = nullptr;
  http::BodyPieces pieces;
  std::string trailers;

  [[nodiscard]] BodySlices slices() const;
};

/// Part of a body, as views into the block that it was read into. Valid within one call.
class BodySlices {
 public:
  /// `data`: address within `block` to which the offsets in `pieces` are relative.
  BodySlices(BlockRef block, const char* data, const http::BodyPieces& pieces)
      : block_(std::move(block)), data_(data), pieces_(pieces) {}

  [[nodiscard]] std::size_t bytes() const { return pieces_.bytes; }
  [[nodiscard]] ReplayBody keep(std::string_view trailers) const {
    return {block_, data_, pieces_, std::string(trailers)};
  }
  /// `writer` adds the framing of the stream's protocol.
  template <class Writer, class Sink>
  void write_to(const Writer& writer, Sink sink) const {
    writer.write(block_, data_, pieces_, sink);
  }

 private:
  BlockRef block_;
  const char* data_;
  const http::BodyPieces& pieces_;
};

inline BodySlices ReplayBody::slices() const {
  return {block, data, pieces};
}

/// Whether this is the last part of a message.
enum class Last : std::uint8_t { no, yes };

}  // namespace bonedry::proxy
