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

Slice ChunkPool::copy(std::string_view text) {
  assert(text.size() <= kChunkSize);
  // Nobody else's bytes are in it any more: start again at its warm beginning.
  if (packing_ && !packing_.shared()) packed_ = 0;
  if (!packing_ || packing_->capacity() - packed_ < text.size()) {
    packing_ = take();
    packed_ = 0;
  }
  char* const at = packing_->data() + packed_;
  std::memcpy(at, text.data(), text.size());
  packed_ += text.size();
  return {packing_, at, text.size()};
}

}  // namespace bonedry
