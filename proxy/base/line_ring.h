#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bonedry {

/// Lines that wait, in a fixed number of bytes; where there is no room the oldest go. One thread.
class LineRing {
 public:
  explicit LineRing(std::size_t bytes)
      : size_(bytes), bytes_(std::make_unique_for_overwrite<char[]>(bytes)) {}

  /// Adds the line and a line end. One that could never fit is lost itself.
  void push(std::string_view line);
  /// Moves whole lines to `out`, which is emptied first: as many as fit into `most` bytes, and one
  /// at least if there is any. Keeps to the capacity of `out` where that suffices.
  void take(std::vector<char>& out, std::size_t most);
  [[nodiscard]] bool empty() const { return used_ == 0; }
  /// How many lines had to go since this was asked last.
  [[nodiscard]] std::uint64_t take_dropped();
  /// Those that wait count as dropped.
  void clear();

 private:
  [[nodiscard]] std::size_t first_length() const;  // with its line end
  void put(std::string_view text);

  const std::size_t size_;
  std::unique_ptr<char[]> bytes_;  // NOLINT: not touched before it is needed
  std::size_t begin_ = 0;
  std::size_t used_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace bonedry
