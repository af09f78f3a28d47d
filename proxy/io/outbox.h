#pragma once

#include "proxy/base/slice_queue.h"
#include "proxy/io/pipe.h"
#include "proxy/io/transport.h"

#include <cassert>
#include <cstddef>
#include <utility>

namespace bonedry::io {

/// Data waiting to be sent on one transport: slices, followed by the contents of a pipe. The source
/// is paused while anything waits, so nothing is ever added after a pipe.
class Outbox {
 public:
  /// The queue to add slices to; not after a pipe.
  [[nodiscard]] SliceQueue& slices() {
    assert(!pipe_);
    return slices_;
  }
  void push(PipeLease pipe) {
    assert(!pipe_);
    pipe_ = std::move(pipe);
  }

  [[nodiscard]] bool empty() const { return slices_.empty() && !pipe_; }
  [[nodiscard]] std::size_t bytes() const { return slices_.bytes() + (pipe_ ? pipe_->bytes() : 0); }
  /// Sends as much as the transport takes: `done` when nothing is left.
  [[nodiscard]] IoStatus write_to(Transport& transport, Push push = Push::now) {
    const IoStatus status = transport.write(slices_, pipe_ ? Push::with_next : push);
    if (status != IoStatus::done || !pipe_) return status;
    const IoStatus piped = transport.write(*pipe_);
    if (pipe_->bytes() == 0) pipe_.reset();
    return piped;
  }
  void clear() {
    slices_.clear();
    pipe_.reset();
  }

 private:
  SliceQueue slices_;
  PipeLease pipe_;
};

}  // namespace bonedry::io
