#include "proxy/http2/body_store.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace bonedry::http2 {

void BodyStore::append(BlockPool& blocks, std::string_view bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (parts_.empty() || parts_.back().size == BlockPool::kBlockSize) {
      BlockRef block = blocks.take();
      const char* const data = block->data();
      parts_.push_back({std::move(block), data, 0});
    }
    Part& last = parts_.back();
    const std::size_t size = std::min(bytes.size(), BlockPool::kBlockSize - last.size);
    std::memcpy(last.block->data() + last.size, bytes.data(), size);
    last.size += size;
    bytes.remove_prefix(size);
  }
}

void BodyStore::append(BlockPool& blocks, const char* data, const http::BodyPieces& pieces) {
  for (const http::Span& piece : pieces.all()) append(blocks, {data + piece.at, piece.size});
}

http::BodyPieces BodyStore::Part::pieces() const {
  http::BodyPieces whole;
  whole.pieces[0] = {0, static_cast<std::uint32_t>(size)};
  whole.count = 1;
  whole.bytes = size;
  return whole;
}

BodyStore::Part BodyStore::take() {
  Part part = std::move(parts_.front());
  parts_.erase(parts_.begin());
  bytes_ -= part.size;
  return part;
}

void BodyStore::clear() {
  parts_.clear();
  bytes_ = 0;
}

}  // namespace bonedry::http2
