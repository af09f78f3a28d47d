#include "proxy/base/read_buffer.h"

#include <algorithm>
#include <cstring>

namespace bonedry {

std::span<char> ReadBuffer::room(ChunkPool& pool, std::size_t limit) {
  if (size() >= limit) return {};
  if (!chunk_) {
    chunk_ = pool.take();
    begin_ = end_ = 0;
  }
  if (end_ == chunk_->capacity()) {
    const std::size_t unread = size();
    ChunkRef fresh =
        unread < ChunkPool::kChunkSize ? pool.take() : pool.take_large(std::min(limit, 2 * unread));
    std::memcpy(fresh->data(), data(), unread);
    chunk_ = std::move(fresh);
    begin_ = 0;
    end_ = unread;
  }
  return {chunk_->data() + end_, std::min(chunk_->capacity() - end_, limit - size())};
}

void ReadBuffer::consume(std::size_t size) {
  begin_ += size;
  if (begin_ != end_) return;
  chunk_ = ChunkRef{};
  begin_ = end_ = 0;
}

}  // namespace bonedry
