#pragma once

#include "proxy/base/block.h"
#include "proxy/http/body_pieces.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace bonedry::http2 {

/// Body bytes that a client has sent on a stream and that cannot be delivered yet. They are copied
/// into blocks of their own: what a peer sends in tiny frames would otherwise keep a whole block of
/// received bytes each. Bounded by the stream's flow-control window. Owned by a stream.
class BodyStore {
 public:
  /// Bytes in one block.
  struct Part {
    BlockRef block;
    const char* data = nullptr;
    std::size_t size = 0;

    /// The whole of it, as one piece from `data`.
    [[nodiscard]] http::BodyPieces pieces() const;
  };

  void append(BlockPool& blocks, std::string_view bytes);
  /// Pieces of what was received, with offsets from `data`.
  void append(BlockPool& blocks, const char* data, const http::BodyPieces& pieces);
  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Removes the oldest part; not when it is empty.
  [[nodiscard]] Part take();
  void clear();

 private:
  std::vector<Part> parts_;  // a few: as much as a window
  std::size_t bytes_ = 0;
};

}  // namespace bonedry::http2
