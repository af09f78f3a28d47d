#pragma once

#include "proxy/base/unique_fd.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace bonedry::io {

class PipePool;

/// A kernel pipe that carries bytes from one socket to another by splice(2), without copying them
/// to user space. Filled once, while it is empty, then drained; see Socket::read and Socket::write.
class Pipe {
 public:
  /// Pages in one pipe. A page of the kernel's network buffers holds 1.4 KiB (a frame) to 32 KiB
  /// (loopback), so a pipe holds at least 90 KiB.
  static constexpr std::size_t kSlots = 64;

  /// Bodies with fewer bytes left than this are copied through memory: a copy costs less than two
  /// splices.
  static constexpr std::size_t kMinBytes = 16 * 1024;
  /// The most that one read asks for; the pipe is full before.
  static constexpr std::size_t kMaxBytes = 1024 * 1024;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] static std::size_t read_size(std::uint64_t wanted) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(wanted, kMaxBytes));
  }

 private:
  friend class PipePool;
  friend class Socket;
  Pipe(UniqueFd in, UniqueFd out) : in_(std::move(in)), out_(std::move(out)) {}

  UniqueFd in_;
  UniqueFd out_;
  std::size_t bytes_ = 0;
};

/// Returns a pipe to its pool.
struct PipeReturn {
  PipePool* pool = nullptr;
  void operator()(Pipe* pipe) const;
};
using PipeLease = std::unique_ptr<Pipe, PipeReturn>;

/// One worker's pipes. A pipe is leased only while bytes are in it, so that a few serve many
/// connections. Must outlive its leases.
class PipePool {
 public:
  /// The most pipes of one worker at a time, two file descriptors each. Together they may hold as
  /// many pages as the kernel allows a user by default (fs.pipe-user-pages-soft).
  static constexpr std::size_t kMax = 256;
  /// Spare pipes kept; most leased ones are returned before another is needed.
  static constexpr std::size_t kSpare = 8;

  /// `max`: pipes at a time, including spare ones; capped at kMax.
  explicit PipePool(std::size_t max = kMax) : max_(std::min(max, kMax)) {}
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  void set_max(std::size_t max) {
    if (splices_ == Splices::yes) max_ = std::min(max, kMax);
  }

  /// An empty pipe for a body with `bytes` left. Null if the body is too short or no pipe is
  /// available; the body is then copied through memory.
  [[nodiscard]] PipeLease take_if_worth(std::uint64_t bytes) {
    return bytes < Pipe::kMinBytes || leased_ >= max_ ? PipeLease{} : take();
  }
  /// Stops leasing pipes, because the kernel refuses splice(2) (e.g. in a sandbox).
  void disable() {
    splices_ = Splices::no;
    max_ = 0;
  }

 private:
  friend struct PipeReturn;
  [[nodiscard]] PipeLease take();
  void give_back(std::unique_ptr<Pipe> pipe);

  std::vector<std::unique_ptr<Pipe>> spare_;
  std::size_t leased_ = 0;
  std::size_t max_;
  enum class Splices : std::uint8_t { no, yes } splices_ = Splices::yes;
};

}  // namespace bonedry::io
