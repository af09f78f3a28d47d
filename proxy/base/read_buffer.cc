#include "proxy/base/read_buffer.h"

#include <algorithm>
#include <cstring>

namespace bonedry {

std::span<char> ReadBuffer::room(BlockPool& pool, std::size_t limit) {
  if (size() >= limit) return {};
  if (!block_) {
    block_ = pool.take();
    begin_ = end_ = 0;
  }
  if (end_ == block_->capacity()) {
    const std::size_t unread = size();
    BlockRef fresh =
        unread < BlockPool::kBlockSize ? pool.take() : pool.take_large(std::min(limit, 2 * unread));
    std::memcpy(fresh->data(), data(), unread);
    block_ = std::move(fresh);
    begin_ = 0;
    end_ = unread;
  }
  return {block_->data() + end_, std::min(block_->capacity() - end_, limit - size())};
}

void ReadBuffer::consume(std::size_t size) {
  begin_ += size;
  if (begin_ != end_) return;
  block_ = BlockRef{};
  begin_ = end_ = 0;
}

}  // namespace bonedry
