#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// The common parts of the fuzz targets. A target is one source file that defines `fuzz_one`; it is
/// linked with libfuzzer.cc to search for inputs, and with replay.cc to run the known ones.
namespace bonedry::fuzz {

using Input = std::span<const std::uint8_t>;

/// Runs the target on one input; aborts when a property does not hold. Always returns 0, as
/// libFuzzer requires. Keeps no state from one run that could change the result of the next.
int fuzz_one(Input input);

[[nodiscard]] std::string_view text_of(Input input);

/// Aborts with `what` unless it holds, in every build type.
void require(bool holds, const char* what);
/// The same for two texts that must be equal; prints both.
void require_equal(std::string_view found, std::string_view wanted, const char* what);

/// Aborts unless two verdicts ("400 why", or another text) on the same bytes agree. When the bytes
/// have two faults and one is an exceeded limit (431), the sizes of the pieces may decide which one
/// is found first.
void require_same_verdict(std::string_view found, std::string_view wanted);

/// Bytes and the pieces in which they arrive. The first line of an input gives the sizes of the
/// pieces, one character each: '!' is 1, '"' is 2, 'a' is 65; when all are used, it starts again
/// from the first. The bytes follow that line. An empty line: one piece.
class Delivery {
 public:
  explicit Delivery(Input input);
  Delivery(std::string_view sizes, std::string_view bytes) : sizes_(sizes), rest_(bytes) {}

  /// The same bytes in one piece.
  [[nodiscard]] Delivery whole() const { return {"", rest_}; }
  /// No more than the first `size` bytes.
  [[nodiscard]] Delivery first(std::size_t size) const { return {sizes_, rest_.substr(0, size)}; }
  [[nodiscard]] std::string_view bytes() const { return rest_; }

  /// The next piece, of at most `max` bytes. Empty at the end.
  std::string_view next(std::size_t max = std::string_view::npos);

 private:
  std::string_view sizes_;
  std::string_view rest_;
  std::size_t at_ = 0;
};

}  // namespace bonedry::fuzz
