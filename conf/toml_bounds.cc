#include "conf/toml_bounds.h"

namespace bonedry::conf {
namespace {

/// The length of the string at the start of `text`, including quotation marks. A string that is not
/// closed ends with its line, or with the text: the parser rejects it there.
std::size_t string_length(std::string_view text) {
  const char quote = text.front();
  const std::string_view three = text.substr(0, 3);
  const bool multi = three.size() == 3 && three[1] == quote && three[2] == quote;
  std::size_t at = multi ? 3 : 1;
  for (; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (!multi && (text[at] == quote || text[at] == '\n')) {
      return text[at] == quote ? at + 1 : at;
    } else if (multi && text.substr(at, 3) == three) {
      at += 3;
      while (at < text.size() && text[at] == quote) ++at;  // content that ends in quotation marks
      return at;
    }
  }
  return text.size();
}

}  // namespace

unsigned first_line_too_deep(std::string_view toml) {
  unsigned line = 1;
  std::size_t dots = 0;
  std::size_t nesting = 0;
  for (std::size_t at = 0; at < toml.size();) {
    const char c = toml[at];
    std::size_t length = 1;
    if (c == '#') {
      const std::size_t end = toml.find('\n', at);
      length = (end == std::string_view::npos ? toml.size() : end) - at;
    } else if (c == '"' || c == '\'') {
      length = string_length(toml.substr(at));
    } else if (c == '.') {
      ++dots;
    } else if (c == '[' || c == '{') {
      ++nesting;
      dots = 0;
    } else if (c == ']' || c == '}') {
      if (nesting > 0) --nesting;
      dots = 0;
    } else if (c == ',' || c == '=' || c == '\n') {
      dots = 0;
    }
    if (dots >= kMaxKeyParts || nesting > kMaxNesting) return line;
    for (const char passed : toml.substr(at, length)) line += passed == '\n' ? 1 : 0;
    at += length;
  }
  return 0;
}

}  // namespace bonedry::conf
