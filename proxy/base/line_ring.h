#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bonedry {

/// A ring buffer of lines, with a fixed size in bytes; when it is full, the oldest lines are
/// dropped. One thread.
class LineRing {
 public:
  explicit LineRing(std::size_t bytes)
      : size_(bytes), bytes_(std::make_unique_for_overwrite<char[]>(bytes)) {}

  /// Adds the line and a line end. A line larger than the whole ring is itself dropped.
  void push(std::string_view line);
  /// Moves whole lines to `out`, which is emptied first: as many as fit into `max` bytes, but at
  /// least one if there is any. Does not reallocate `out` if its capacity suffices.
  void take(std::vector<char>& out, std::size_t max);
  [[nodiscard]] bool empty() const { return used_ == 0; }
  /// How many lines were dropped since the last call.
  [[nodiscard]] std::uint64_t take_dropped();
  /// What `take_dropped` would return.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  /// Drops all waiting lines and counts them as dropped.
  void clear();

 private:
  [[nodiscard]] std::size_t first_length() const;  // including its line end
  void put(std::string_view text);

  const std::size_t size_;
  std::unique_ptr<char[]> bytes_;  // NOLINT: not touched before it is needed
  std::size_t begin_ = 0;
  std::size_t used_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace bonedry
