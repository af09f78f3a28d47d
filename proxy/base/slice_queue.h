#pragma once

#include "proxy/base/block.h"

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace bonedry {

/// Bytes to be sent on one socket: slices of blocks, in order. The source is paused while the queue
/// is not empty, so it holds at most one read and the framing around it.
class SliceQueue {
 public:
  /// Pieces shorter than this are copied together: copying them costs less than a slice of their
  /// own does here and in the kernel (./dev bench micro, "slices").
  static constexpr std::size_t kCopied = 1024;

  /// Adjacent slices of one block are merged.
  void push(Slice slice);
  /// As above, but a short slice is copied.
  void push(BlockPool& pool, Slice slice);
  void push_copy(BlockPool& pool, std::string_view text);

  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Fills `vectors` with the first bytes of the queue; returns how many entries were used.
  [[nodiscard]] std::size_t gather(std::span<iovec> vectors) const;
  /// Drops the first `size` bytes.
  void consume(std::size_t size);
  /// Moves the first `size` bytes, which are there, to the end of another queue. Short slices are
  /// copied.
  void move_front(std::size_t size, BlockPool& pool, SliceQueue& to);
  void clear();

 private:
  std::vector<Slice> slices_;
  std::size_t first_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace bonedry
