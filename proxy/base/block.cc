#include "proxy/base/block.h"

#include <cassert>
#include <cstring>
#include <new>

namespace bonedry {

BlockPool::~BlockPool() {
  packing_ = BlockRef{};
  for (Block* block : spare_) destroy(block);
}

Block* BlockPool::make(std::size_t capacity) {
  void* const memory = ::operator new(sizeof(Block) + capacity);
  auto* const block = new (memory) Block(*this, capacity);
  block->data_ = static_cast<char*>(memory) + sizeof(Block);
  return block;
}

void BlockPool::destroy(Block* block) {
  block->~Block();
  ::operator delete(block);
}

BlockRef BlockPool::take() {
  if (spare_.empty()) return BlockRef{make(kBlockSize)};
  Block* const block = spare_.back();
  spare_.pop_back();
  return BlockRef{block};
}

BlockRef BlockPool::take_large(std::size_t capacity) {
  return BlockRef{make(capacity)};
}

void BlockPool::give_back(Block* block) {
  if (block->capacity() == kBlockSize && spare_.size() < kSpareBlocks) {
    spare_.push_back(block);
  } else {
    destroy(block);
  }
}

std::span<char> BlockPool::reserve(std::size_t size) {
  assert(size <= kBlockSize);
  // No slice refers to it any more: start again at its beginning, which is still warm.
  if (packing_ && !packing_.shared()) packed_ = 0;
  if (!packing_ || packing_->capacity() - packed_ < size) {
    packing_ = take();
    packed_ = 0;
  }
  return {packing_->data() + packed_, packing_->capacity() - packed_};
}

Slice BlockPool::commit(std::size_t size) {
  char* const at = packing_->data() + packed_;
  packed_ += size;
  return {packing_, at, size};
}

Slice BlockPool::copy(std::string_view text) {
  std::memcpy(reserve(text.size()).data(), text.data(), text.size());
  return commit(text.size());
}

}  // namespace bonedry
