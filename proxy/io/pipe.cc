#include "proxy/io/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace bonedry::io {

void PipeReturn::operator()(Pipe* pipe) const {
  pool->give_back(std::unique_ptr<Pipe>(pipe));
}

PipeLease PipePool::take() {
  std::unique_ptr<Pipe> pipe;
  if (!spare_.empty()) {
    pipe = std::move(spare_.back());
    spare_.pop_back();
  } else {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return {};
    pipe.reset(new Pipe(UniqueFd{ends[1]}, UniqueFd{ends[0]}));
    // A user over its page limit gets the smaller pipe, which also works, only slower.
    (void)fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(Pipe::kSlots) * getpagesize());
  }
  ++leased_;
  return {pipe.release(), PipeReturn{this}};
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) {
  --leased_;
  // Bytes of an aborted exchange must not reach another one, so only empty pipes are reused.
  const bool room = spare_.size() < kSpare && spare_.size() + leased_ < max_;
  if (pipe->bytes() == 0 && room) spare_.push_back(std::move(pipe));
}

}  // namespace bonedry::io
