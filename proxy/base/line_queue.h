#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bonedry {

/// Lines on their way from one thread to another, in a fixed number of bytes. Neither waits and
/// neither takes a lock; a line that there is no room for is dropped and counted.
class LineQueue {
 public:
  /// The memory is touched as it is used. `bytes`: a power of two, at least 16.
  explicit LineQueue(std::size_t bytes);
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  /// The producer's: adds the line and a line end.
  void push(std::string_view line);

  /// The consumer's: appends whole lines to `out` until the next would bring it beyond `most`
  /// bytes. The first line of an empty `out` is taken however long it is.
  void take(std::vector<char>& out, std::size_t most);
  /// The consumer's: how many lines were dropped since it was asked last.
  [[nodiscard]] std::uint64_t take_dropped();
  /// The consumer's: those that wait count as dropped.
  void clear();
  /// Any thread's. Ordered after a push that the producer has returned from (seq_cst).
  [[nodiscard]] bool empty() const { return begin_.load() == end_.load(); }

 private:
  void write(std::uint64_t at, std::string_view text);
  void read(std::uint64_t at, char* out, std::size_t size) const;
  [[nodiscard]] std::size_t length_at(std::uint64_t at) const;  // with its line end

  const std::size_t mask_;
  const std::unique_ptr<char[]> bytes_;  // NOLINT: not touched before it is needed
  // Both count bytes since the beginning, and only grow: what lies between them waits.
  alignas(64) std::atomic<std::uint64_t> end_{0};  // the producer's, as `dropped_` is
  std::atomic<std::uint64_t> dropped_{0};
  alignas(64) std::atomic<std::uint64_t> begin_{0};  // the consumer's, as `told_` is
  std::uint64_t told_ = 0;
};

}  // namespace bonedry
