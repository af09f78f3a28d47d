#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Lines of text for a terminal, without one.
namespace bonedry::ctl {

/// What a piece of text means. A screen without colour shows it as well: no two things differ by
/// their style alone.
enum class Style : std::uint8_t { plain, strong, faint, good, warning, bad, calm, chosen };

struct Span {
  std::string text;  ///< printable UTF-8
  Style style = Style::plain;

  friend bool operator==(const Span&, const Span&) = default;
};
using PictureLine = std::vector<Span>;

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// What the terminal can show.
enum class Charset : std::uint8_t { ascii, utf8 };

struct Picture {
  std::vector<PictureLine> lines;
  /// Where text is entered: column and row.
  std::optional<std::pair<std::size_t, std::size_t>> cursor = {};
};

/// The columns that printable text takes, by the process's locale (LC_CTYPE).
[[nodiscard]] std::size_t display_width(std::string_view text);

/// Where a text stands in more columns than it needs.
enum class Side : std::uint8_t { left, right };
/// The text in exactly `width` columns: cut, or filled with spaces. With `Charset::ascii`, other
/// characters become '?'.
[[nodiscard]] std::string in_columns(std::string_view text, std::size_t width, Charset charset,
                                     Side side = Side::left);

/// The line, cut to `width` columns.
[[nodiscard]] PictureLine fitted_line(const PictureLine& line, std::size_t width, Charset charset);

/// The text of a line, without trailing spaces.
[[nodiscard]] std::string text_of(const PictureLine& line);

/// Wraps a text between words, and inside words that are too long.
[[nodiscard]] std::vector<std::string> wrapped_lines(std::string_view text, std::size_t width);

}  // namespace bonedry::ctl
