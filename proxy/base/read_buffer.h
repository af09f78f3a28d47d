#pragma once

#include "proxy/base/block.h"

#include <cstddef>
#include <span>
#include <utility>

namespace bonedry {

/// Bytes that a connection has read and not yet consumed, contiguous in one block. Holds no memory
/// while it is empty.
class ReadBuffer {
 public:
  ReadBuffer() = default;
  ReadBuffer(ReadBuffer&& other) noexcept
      : block_(std::move(other.block_)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}
  ReadBuffer& operator=(ReadBuffer&&) = delete;

  [[nodiscard]] char* data() const { return block_ ? block_->data() + begin_ : nullptr; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] const BlockRef& block() const { return block_; }

  /// Room to read into: never empty, unless `size()` has reached `limit`. Unconsumed bytes move to
  /// a new block when theirs is full.
  [[nodiscard]] std::span<char> room(BlockPool& pool, std::size_t limit);
  void filled(std::size_t size) { end_ += size; }

  /// A slice of `size` bytes at `offset` from the front; it shares the block.
  [[nodiscard]] Slice slice(std::size_t offset, std::size_t size) const {
    return {block_, block_->data() + begin_ + offset, size};
  }
  /// Drops the first `size` bytes; an empty buffer releases its block.
  void consume(std::size_t size);
  void clear() { consume(size()); }

 private:
  BlockRef block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace bonedry
