#include "admin/ctl/watch/picture.h"

#include <algorithm>
#include <cwchar>

namespace bonedry::ctl {
namespace {

struct Glyph {
  std::string_view bytes;
  std::size_t width = 1;
};

/// The first character of printable text that is not empty, with its width.
Glyph first_glyph(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text.front());
  if (first < 0x80) return {text.substr(0, 1), 1};
  const std::size_t size = std::min<std::size_t>(first >= 0xf0   ? 4
                                                 : first >= 0xe0 ? 3
                                                                 : 2,
                                                 text.size());
  auto code = static_cast<wchar_t>(first & (0xffU >> (size + 1)));
  for (const char next : text.substr(1, size - 1)) {
    code = static_cast<wchar_t>((code << 6) | (static_cast<std::uint8_t>(next) & 0x3f));
  }
  const int width = ::wcwidth(code);  // -1: the locale does not know it
  return {text.substr(0, size), width < 0 ? 1 : static_cast<std::size_t>(width)};
}

/// As much of the text as fits.
struct Cut {
  std::string text;
  std::size_t width = 0;
};

Cut cut(std::string_view text, std::size_t width, Charset charset) {
  Cut made;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    text.remove_prefix(glyph.bytes.size());
    const bool replaced = charset == Charset::ascii && glyph.bytes.size() > 1;
    const std::size_t columns = replaced ? 1 : glyph.width;
    if (made.width + columns > width) break;
    made.text += replaced ? "?" : glyph.bytes;
    made.width += columns;
  }
  return made;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    width += glyph.width;
    text.remove_prefix(glyph.bytes.size());
  }
  return width;
}

std::string in_columns(std::string_view text, std::size_t width, Charset charset, Side side) {
  const bool too_long = display_width(text) > width;
  const std::string_view mark = charset == Charset::utf8 ? "…" : "~";
  Cut made = cut(text, too_long && width > 1 ? width - 1 : width, charset);
  if (too_long && width > 1) {
    made.text += mark;
    ++made.width;
  }
  const std::string fill(width - made.width, ' ');
  return side == Side::left ? made.text + fill : fill + made.text;
}

PictureLine fitted_line(const PictureLine& line, std::size_t width, Charset charset) {
  PictureLine fitted;
  for (const Span& span : line) {
    Cut made = cut(span.text, width, charset);
    width -= made.width;
    if (!made.text.empty()) fitted.push_back({std::move(made.text), span.style});
  }
  return fitted;
}

std::string text_of(const PictureLine& line) {
  std::string text;
  for (const Span& span : line) text += span.text;
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::vector<std::string> wrapped_lines(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 1);
  std::vector<std::string> lines;
  while (display_width(text) > width) {
    const std::string fits = cut(text, width, Charset::utf8).text;
    std::size_t end = fits.size();
    if (end == 0) end = first_glyph(text).bytes.size();  // wider than the line
    if (end < text.size() && text[end] != ' ') {
      const std::size_t space = fits.rfind(' ');
      if (space != std::string::npos && space > 0) end = space;
    }
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

}  // namespace bonedry::ctl
