#pragma once

#include "proxy/base/unique_fd.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace bonedry::io {

class PipePool;

/// Bytes in the kernel on their way from one socket to another, which no memory of ours ever sees:
/// splice(2). Filled once, while it is empty, then drained; see Socket::read and Socket::write.
class Pipe {
 public:
  /// Pages of one pipe. A page of the kernel's network buffers holds 1.4 KiB (a frame) to 32 KiB
  /// (loopback), so this is 90 KiB at least.
  static constexpr std::size_t kSlots = 64;

  /// Bodies with less to come than this go through memory: two splices cost more than a copy of it.
  static constexpr std::size_t kMinBytes = 16 * 1024;
  /// What one read asks for at most: the pipe is full before.
  static constexpr std::size_t kMostBytes = 1024 * 1024;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] static std::size_t most(std::uint64_t wanted) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(wanted, kMostBytes));
  }

 private:
  friend class PipePool;
  friend class Socket;
  Pipe(UniqueFd in, UniqueFd out) : in_(std::move(in)), out_(std::move(out)) {}

  UniqueFd in_;
  UniqueFd out_;
  std::size_t bytes_ = 0;
};

/// Gives a pipe back to its pool.
struct PipeReturn {
  PipePool* pool = nullptr;
  void operator()(Pipe* pipe) const;
};
using PipeLease = std::unique_ptr<Pipe, PipeReturn>;

/// One worker's pipes. A pipe is leased only while bytes are in it, so that few serve many; must
/// outlive its leases.
class PipePool {
 public:
  /// Pipes of one worker at a time, two descriptors each. Together they may hold as many pages as
  /// the kernel lets a user have by default (fs.pipe-user-pages-soft).
  static constexpr std::size_t kMost = 256;
  /// Kept for the next body; most are back before another is wanted.
  static constexpr std::size_t kSpare = 8;

  /// `most`: at a time, spare ones included; at most kMost.
  explicit PipePool(std::size_t most = kMost) : most_(std::min(most, kMost)) {}
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  void set_most(std::size_t most) {
    if (splices_ == Splices::yes) most_ = std::min(most, kMost);
  }

  /// An empty pipe for a body of which `bytes` are still to come; nothing where that is not worth
  /// it or none can be had, and the body then goes through memory.
  [[nodiscard]] PipeLease take_if_worth(std::uint64_t bytes) {
    return bytes < Pipe::kMinBytes || leased_ >= most_ ? PipeLease{} : take();
  }
  /// The kernel does not splice (a sandbox, say): no pipe is given out any more.
  void disable() {
    splices_ = Splices::no;
    most_ = 0;
  }

 private:
  friend struct PipeReturn;
  [[nodiscard]] PipeLease take();
  void give_back(std::unique_ptr<Pipe> pipe);

  std::vector<std::unique_ptr<Pipe>> spare_;
  std::size_t leased_ = 0;
  std::size_t most_;
  enum class Splices : std::uint8_t { no, yes } splices_ = Splices::yes;
};

}  // namespace bonedry::io
