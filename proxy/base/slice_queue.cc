#include "proxy/base/slice_queue.h"

#include <algorithm>
#include <cassert>

namespace bonedry {

namespace {

// The capacity that an idle connection's queue keeps for its next exchange: about 256 bytes.
constexpr std::size_t kKeptSlices = 10;

}  // namespace

void SliceQueue::push(Slice slice) {
  if (slice.size == 0) return;
  bytes_ += slice.size;
  if (slices_.size() > first_) {
    Slice& last = slices_.back();
    if (last.block == slice.block && last.data + last.size == slice.data) {
      last.size += slice.size;
      return;
    }
  }
  slices_.push_back(std::move(slice));
}

void SliceQueue::push(BlockPool& pool, Slice slice) {
  if (slice.size >= kCopied) return push(std::move(slice));
  push_copy(pool, slice.text());
}

void SliceQueue::push_copy(BlockPool& pool, std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = std::min(text.size(), BlockPool::kBlockSize);
    push(pool.copy(text.substr(0, size)));
    text.remove_prefix(size);
  }
}

std::size_t SliceQueue::gather(std::span<iovec> vectors) const {
  const std::size_t count = std::min(vectors.size(), slices_.size() - first_);
  for (std::size_t i = 0; i < count; ++i) {
    const Slice& slice = slices_[first_ + i];
    vectors[i] = {const_cast<char*>(slice.data), slice.size};
  }
  return count;
}

void SliceQueue::consume(std::size_t size) {
  assert(size <= bytes_);
  bytes_ -= size;
  while (size > 0) {
    Slice& slice = slices_[first_];
    const std::size_t part = std::min(size, slice.size);
    slice.data += part;
    slice.size -= part;
    size -= part;
    if (slice.size == 0) slices_[first_++].block = BlockRef{};
  }
  if (bytes_ == 0) clear();
}

void SliceQueue::move_front(std::size_t size, BlockPool& pool, SliceQueue& to) {
  std::size_t left = size;
  for (std::size_t i = first_; left > 0; ++i) {
    const std::size_t part = std::min(left, slices_[i].size);
    to.push(pool, {slices_[i].block, slices_[i].data, part});
    left -= part;
  }
  consume(size);
}

void SliceQueue::clear() {
  slices_.clear();
  if (slices_.capacity() > kKeptSlices) slices_.shrink_to_fit();
  first_ = 0;
  bytes_ = 0;
}

}  // namespace bonedry
