#include "admin/wrapped.h"

#include "admin/printable.h"

#include <algorithm>

namespace bonedry::admin {
namespace {

/// Where the last column of the line begins.
std::size_t indentation_of(std::string_view line) {
  const std::size_t text = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t gap = line.find("  ", text);
  if (gap == std::string_view::npos) return text;
  return std::min(line.find_first_not_of(' ', gap), line.size());
}

/// Where to end a line that is too long: at the last space that leaves something and fits, or else
/// at the first.
std::size_t end_of_part(std::string_view line, std::size_t indentation, std::size_t width) {
  const std::size_t last = line.rfind(' ', width);
  if (last != std::string_view::npos && last > indentation) return last;
  return std::min(line.find(' ', std::max(width, indentation + 1)), line.size());
}

void wrap_line(std::string line, std::size_t width, std::string& out) {
  const std::size_t indentation = indentation_of(line);
  while (columns(line) > width) {
    const std::size_t end = end_of_part(line, indentation, width);
    if (end == line.size()) break;
    out += line.substr(0, end) + "\n";
    line = std::string(indentation, ' ') + line.substr(end + 1);
  }
  out += line;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t width) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    wrap_line(std::string(text.substr(0, end)), width, out);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace bonedry::admin
