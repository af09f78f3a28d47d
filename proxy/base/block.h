#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry {

class BlockPool;

/// A block of memory that connections read into and slices point into. References are counted
/// without atomics: a block never leaves its worker's thread.
class Block {
 public:
  [[nodiscard]] char* data() { return data_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  friend class BlockPool;
  friend class BlockRef;
  Block(BlockPool& pool, std::size_t capacity) : pool_(pool), capacity_(capacity) {}

  BlockPool& pool_;
  std::size_t capacity_;
  std::uint32_t references_ = 0;
  char* data_ = nullptr;  // directly after this object
};

/// A counted reference to a block.
class BlockRef {
 public:
  BlockRef() = default;
  explicit BlockRef(Block* block) : block_(block) { acquire(); }
  BlockRef(const BlockRef& other) : block_(other.block_) { acquire(); }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() { release(); }

  [[nodiscard]] Block* get() const { return block_; }
  Block* operator->() const { return block_; }
  explicit operator bool() const { return block_ != nullptr; }
  [[nodiscard]] bool shared() const { return block_ != nullptr && block_->references_ > 1; }
  friend bool operator==(const BlockRef&, const BlockRef&) = default;

 private:
  void acquire() {
    if (block_ != nullptr) ++block_->references_;
  }
  inline void release();

  Block* block_ = nullptr;
};

/// A range of bytes in a block, which its reference keeps alive.
struct Slice {
  BlockRef block;
  const char* data = nullptr;
  std::size_t size = 0;

  [[nodiscard]] std::string_view text() const { return {data, size}; }
};

/// One worker's blocks. Returned blocks are kept for reuse, so that forwarding allocates nothing
/// once warm. Must outlive all its blocks.
class BlockPool {
 public:
  /// The most that one read takes: two 16 KiB TLS records or the largest default head.
  static constexpr std::size_t kBlockSize = 32 * 1024;
  /// Spare blocks kept: 8 MiB per worker at most, for bursts; the rest goes back to the system.
  static constexpr std::size_t kSpareBlocks = 256;

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  [[nodiscard]] BlockRef take();
  /// A block of another size, for heads larger than kBlockSize; freed when returned.
  [[nodiscard]] BlockRef take_large(std::size_t capacity);

  /// A copy of a few bytes (at most kBlockSize), packed with others into a block.
  [[nodiscard]] Slice copy(std::string_view text);
  /// Room of at least `size` bytes (at most kBlockSize) to write such bytes in place. Valid until
  /// the next call of the pool other than `commit`, which makes a slice of the first `size` bytes
  /// written there.
  [[nodiscard]] std::span<char> reserve(std::size_t size);
  [[nodiscard]] Slice commit(std::size_t size);

 private:
  friend class BlockRef;
  Block* make(std::size_t capacity);
  void give_back(Block* block);
  static void destroy(Block* block);

  std::vector<Block*> spare_;
  BlockRef packing_;
  std::size_t packed_ = 0;
};

void BlockRef::release() {
  if (block_ != nullptr && --block_->references_ == 0) block_->pool_.give_back(block_);
}

}  // namespace bonedry
