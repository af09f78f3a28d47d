#include "proxy/base/block.h"
#include "proxy/base/slice_queue.h"
#include "proxy/base/unique_fd.h"

#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace bonedry::micro {
namespace {

constexpr std::size_t kPieces = 4;
constexpr std::size_t kMaxPiece = 4096;
constexpr std::string_view kFraming = "\r\n400\r\n";

enum class As { slices, copies };

/// Fills a queue with a chunked response: pieces of one read, with framing between them.
class Answer {
 public:
  Answer(BlockPool& pool, std::size_t piece) : pool_(pool), read_(pool.take()), piece_(piece) {
    std::memset(read_->data(), 'x', read_->capacity());
  }

  void queue(SliceQueue& queue, As as) {
    for (std::size_t i = 0; i < kPieces; ++i) {
      queue.push_copy(pool_, kFraming);
      // With a gap, so that no two are merged into one slice.
      const char* const at = read_->data() + i * (kMaxPiece + kFraming.size());
      if (as == As::slices) {
        queue.push({read_, at, piece_});
      } else {
        queue.push_copy(pool_, {at, piece_});
      }
    }
  }

 private:
  BlockPool& pool_;
  BlockRef read_;
  std::size_t piece_;
};

std::size_t gather(const SliceQueue& queue, std::array<iovec, 64>& vectors) {
  const std::size_t count = queue.gather(vectors);
  benchmark::DoNotOptimize(vectors.data());
  benchmark::ClobberMemory();
  return count;
}

// Takes a buffer for one read and returns it.
void take(benchmark::State& state) {
  BlockPool pool;
  for (auto _ : state) benchmark::DoNotOptimize(pool.take());
}
BENCHMARK(take)->Name("slices/take_chunk");

// Queues, gathers and consumes four pieces of a response: as separate slices, or copied.
void queue(benchmark::State& state, As as) {
  BlockPool pool;
  Answer answer(pool, static_cast<std::size_t>(state.range(0)));
  SliceQueue queue;
  std::array<iovec, 64> vectors;
  for (auto _ : state) {
    answer.queue(queue, as);
    benchmark::DoNotOptimize(gather(queue, vectors));
    queue.consume(queue.bytes());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPieces));
}
BENCHMARK_CAPTURE(queue, slices, As::slices)
    ->Name("slices/queue/slices")
    ->RangeMultiplier(4)
    ->Range(64, kMaxPiece);
BENCHMARK_CAPTURE(queue, copies, As::copies)
    ->Name("slices/queue/copies")
    ->RangeMultiplier(4)
    ->Range(64, kMaxPiece);

/// Two connected stream sockets; what is sent is received again.
class SocketPair {
 public:
  SocketPair() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0) throw std::runtime_error("no pair");
    from_ = UniqueFd(fds[0]);
    to_ = UniqueFd(fds[1]);
  }

  void send(std::span<iovec> vectors) {
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = vectors.size();
    benchmark::DoNotOptimize(::sendmsg(from_.get(), &message, MSG_NOSIGNAL));
    benchmark::DoNotOptimize(::recv(to_.get(), sink_.data(), sink_.size(), 0));
  }

 private:
  UniqueFd from_;
  UniqueFd to_;
  std::vector<char> sink_ = std::vector<char>(2 * kPieces * kMaxPiece);
};

// The same with the system call (and its counterpart): the basis for SliceQueue::kCopied.
void sent(benchmark::State& state, As as) {
  BlockPool pool;
  Answer answer(pool, static_cast<std::size_t>(state.range(0)));
  SliceQueue queue;
  SocketPair sockets;
  std::array<iovec, 64> vectors;
  for (auto _ : state) {
    answer.queue(queue, as);
    sockets.send({vectors.data(), gather(queue, vectors)});
    queue.consume(queue.bytes());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPieces));
}
BENCHMARK_CAPTURE(sent, slices, As::slices)
    ->Name("slices/sent/slices")
    ->RangeMultiplier(4)
    ->Range(64, kMaxPiece);
BENCHMARK_CAPTURE(sent, copies, As::copies)
    ->Name("slices/sent/copies")
    ->RangeMultiplier(4)
    ->Range(64, kMaxPiece);

}  // namespace
}  // namespace bonedry::micro
