#pragma once

#include "proxy/base/block.h"
#include "proxy/http/body_pieces.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::proxy {

/// Part of a body, as views into the block that it was read into. Valid within one call.
class BodySlices {
 public:
  /// `data`: address within `block` to which the offsets in `pieces` are relative.
  BodySlices(BlockRef block, const char* data, const http::BodyPieces& pieces)
      : block_(std::move(block)), data_(data), pieces_(pieces) {}

  [[nodiscard]] std::size_t bytes() const { return pieces_.bytes; }
  void append_to(std::string& text) const {
    for (const http::Span& piece : pieces_.all()) text.append(data_ + piece.at, piece.size);
  }
  /// `writer` adds the framing of the stream's protocol.
  template <class Writer, class Sink>
  void write_to(const Writer& writer, Sink sink) const {
    writer.write(block_, data_, pieces_, sink);
  }

 private:
  friend class ReplayBody;

  BlockRef block_;
  const char* data_;
  const http::BodyPieces& pieces_;
};

/// The beginning of a request body, or all of it, kept in case the request is sent again. It shares
/// the blocks that the body was read into, so few parts and no long bodies are kept. Owned by an
/// exchange; reused with it.
class ReplayBody {
 public:
  /// What is sent before a node of HTTP/2 can say anything (RFC 9113, section 6.9.2).
  static constexpr std::size_t kMaxBytes = 2 * BlockPool::kBlockSize;
  /// A block of memory each: requests of gRPC have two or three.
  static constexpr std::size_t kMaxParts = 4;

  /// What cannot be kept is left out, and `bytes` tells.
  void add(const BodySlices& body) {
    if (body.bytes() == 0 || bytes_ + body.bytes() > kMaxBytes || parts_.size() == kMaxParts)
      return;
    bytes_ += body.bytes();
    parts_.push_back({body.block_, body.data_, body.pieces_});
  }
  void end(std::string_view trailers) { trailers_ = trailers; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::string& trailers() const { return trailers_; }
  /// Calls `callback(BodySlices)` for each part.
  template <class Callback>
  void each(const Callback& callback) const {
    for (const Part& part : parts_) callback(BodySlices(part.block, part.data, part.pieces));
  }
  void clear() {
    parts_.clear();
    bytes_ = 0;
    trailers_.clear();
  }

 private:
  struct Part {
    BlockRef block;
    const char* data = nullptr;
    http::BodyPieces pieces;
  };

  std::vector<Part> parts_;
  std::size_t bytes_ = 0;
  std::string trailers_;
};

/// Whether this is the last part of a message.
enum class Last : std::uint8_t { no, yes };

}  // namespace bonedry::proxy
