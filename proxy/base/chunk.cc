#include "proxy/base/chunk.h"

#include <cassert>
#include <cstring>
#include <new>

namespace bonedry {

ChunkPool::~ChunkPool() {
  packing_ = ChunkRef{};
  for (Chunk* chunk : spare_) destroy(chunk);
}

Chunk* ChunkPool::make(std::size_t capacity) {
  void* const memory = ::operator new(sizeof(Chunk) + capacity);
  auto* const chunk = new (memory) Chunk(*this, capacity);
  chunk->data_ = static_cast<char*>(memory) + sizeof(Chunk);
  return chunk;
}

void ChunkPool::destroy(Chunk* chunk) {
  chunk->~Chunk();
  ::operator delete(chunk);
}

ChunkRef ChunkPool::take() {
  if (spare_.empty()) return ChunkRef{make(kChunkSize)};
  Chunk* const chunk = spare_.back();
  spare_.pop_back();
  return ChunkRef{chunk};
}

ChunkRef ChunkPool::take_large(std::size_t capacity) {
  return ChunkRef{make(capacity)};
}

void ChunkPool::give_back(Chunk* chunk) {
  if (chunk->capacity() == kChunkSize && spare_.size() < kSpareChunks) {
    spare_.push_back(chunk);
  } else {
    destroy(chunk);
  }
}

std::span<char> ChunkPool::reserve(std::size_t size) {
  assert(size <= kChunkSize);
  // No slice refers to it any more: start again at its beginning, which is still warm.
  if (packing_ && !packing_.shared()) packed_ = 0;
  if (!packing_ || packing_->capacity() - packed_ < size) {
    packing_ = take();
    packed_ = 0;
  }
  return {packing_->data() + packed_, packing_->capacity() - packed_};
}

Slice ChunkPool::commit(std::size_t size) {
  char* const at = packing_->data() + packed_;
  packed_ += size;
  return {packing_, at, size};
}

Slice ChunkPool::copy(std::string_view text) {
  std::memcpy(reserve(text.size()).data(), text.data(), text.size());
  return commit(text.size());
}

}  // namespace bonedry
