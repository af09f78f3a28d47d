#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bonedry {

/// A lock-free queue of lines from one thread (the producer) to another (the consumer), with a
/// fixed size in bytes. Neither side waits; a line that does not fit is dropped and counted.
class LineQueue {
 public:
  /// Memory is touched only when it is used. `bytes`: a power of two, at least 16.
  explicit LineQueue(std::size_t bytes);
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  /// Producer: adds the line and a line end.
  void push(std::string_view line);

  /// Consumer: appends whole lines to `out` until the next one would exceed `max` bytes. If `out`
  /// is empty, the first line is taken whatever its length.
  void take(std::vector<char>& out, std::size_t max);
  /// Consumer: how many lines were dropped since the last call.
  [[nodiscard]] std::uint64_t take_dropped();
  /// What `take_dropped` would return. Not while the consumer is in a call.
  [[nodiscard]] std::uint64_t dropped() const {
    return dropped_.load(std::memory_order_relaxed) - reported_drops_;
  }
  /// Consumer: drops all waiting lines and counts them as dropped.
  void clear();
  /// Any thread. Ordered after a push that has returned in the producer (seq_cst).
  [[nodiscard]] bool empty() const { return begin_.load() == end_.load(); }

 private:
  void write(std::uint64_t at, std::string_view text);
  void read(std::uint64_t at, char* out, std::size_t size) const;
  [[nodiscard]] std::size_t length_at(std::uint64_t at) const;  // including its line end

  const std::size_t mask_;
  const std::unique_ptr<char[]> bytes_;  // NOLINT: not touched before it is needed
  // Both count bytes since the start and only grow; the bytes between them are waiting.
  alignas(64) std::atomic<std::uint64_t> end_{0};  // written by the producer, like `dropped_`
  std::atomic<std::uint64_t> dropped_{0};
  alignas(64) std::atomic<std::uint64_t> begin_{
      0};  // written by the consumer, like `reported_drops_`
  std::uint64_t reported_drops_ = 0;
};

}  // namespace bonedry
