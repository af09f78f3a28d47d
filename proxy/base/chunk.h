#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry {

class ChunkPool;

/// A block of memory that connections read into and slices point into. References are counted
/// without atomics: a chunk never leaves its worker's thread.
class Chunk {
 public:
  [[nodiscard]] char* data() { return data_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  friend class ChunkPool;
  friend class ChunkRef;
  Chunk(ChunkPool& pool, std::size_t capacity) : pool_(pool), capacity_(capacity) {}

  ChunkPool& pool_;
  std::size_t capacity_;
  std::uint32_t references_ = 0;
  char* data_ = nullptr;  // directly after this object
};

/// A counted reference to a chunk.
class ChunkRef {
 public:
  ChunkRef() = default;
  explicit ChunkRef(Chunk* chunk) : chunk_(chunk) { acquire(); }
  ChunkRef(const ChunkRef& other) : chunk_(other.chunk_) { acquire(); }
  ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  ChunkRef& operator=(ChunkRef other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }
  ~ChunkRef() { release(); }

  [[nodiscard]] Chunk* get() const { return chunk_; }
  Chunk* operator->() const { return chunk_; }
  explicit operator bool() const { return chunk_ != nullptr; }
  [[nodiscard]] bool shared() const { return chunk_ != nullptr && chunk_->references_ > 1; }
  friend bool operator==(const ChunkRef&, const ChunkRef&) = default;

 private:
  void acquire() {
    if (chunk_ != nullptr) ++chunk_->references_;
  }
  inline void release();

  Chunk* chunk_ = nullptr;
};

/// A range of bytes in a chunk, which its reference keeps alive.
struct Slice {
  ChunkRef chunk;
  const char* data = nullptr;
  std::size_t size = 0;

  [[nodiscard]] std::string_view text() const { return {data, size}; }
};

/// One worker's chunks. Returned chunks are kept for reuse, so that forwarding allocates nothing
/// once warm. Must outlive all its chunks.
class ChunkPool {
 public:
  /// The most that one read takes: two 16 KiB TLS records or the largest default head.
  static constexpr std::size_t kChunkSize = 32 * 1024;
  /// Spare chunks kept: 8 MiB per worker at most, for bursts; the rest goes back to the system.
  static constexpr std::size_t kSpareChunks = 256;

  ChunkPool() = default;
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  [[nodiscard]] ChunkRef take();
  /// A chunk of another size, for heads larger than kChunkSize; freed when returned.
  [[nodiscard]] ChunkRef take_large(std::size_t capacity);

  /// A copy of a few bytes (at most kChunkSize), packed with others into a chunk.
  [[nodiscard]] Slice copy(std::string_view text);
  /// Room of at least `size` bytes (at most kChunkSize) to write such bytes in place. Valid until
  /// the next call of the pool other than `commit`, which makes a slice of the first `size` bytes
  /// written there.
  [[nodiscard]] std::span<char> reserve(std::size_t size);
  [[nodiscard]] Slice commit(std::size_t size);

 private:
  friend class ChunkRef;
  Chunk* make(std::size_t capacity);
  void give_back(Chunk* chunk);
  static void destroy(Chunk* chunk);

  std::vector<Chunk*> spare_;
  ChunkRef packing_;
  std::size_t packed_ = 0;
};

void ChunkRef::release() {
  if (chunk_ != nullptr && --chunk_->references_ == 0) chunk_->pool_.give_back(chunk_);
}

}  // namespace bonedry
