#include "conf/spelling.h"

#include <algorithm>
#include <array>
#include <vector>

namespace bonedry::conf {
namespace {

constexpr std::size_t kMaxQuoted = 60;

std::string escape(char character) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(character);
  if (byte >= 0x20 && byte != 0x7f) return {character};
  return {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xf]};
}

std::string_view shorten(std::string_view text) {
  if (text.size() <= kMaxQuoted) return text;
  std::size_t end = kMaxQuoted;
  const auto continues = [&] { return (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; };
  while (end > 0 && continues()) --end;  // not in the middle of a code point
  return text.substr(0, end);
}

// Optimal string alignment distance; each row holds the distances of one prefix of `a` to all
// prefixes of `b`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  for (const char character : text) line += escape(character);
  return line;
}

std::string quote(std::string_view text) {
  const std::string_view shown = shorten(text);
  std::string quoted = "\"";
  for (const char character : shown) {
    if (character == '"' || character == '\\') quoted += '\\';
    quoted += escape(character);
  }
  quoted += shown.size() < text.size() ? "...\"" : "\"";
  return quoted;
}

std::string join(std::span<const std::string_view> words) {
  std::string joined;
  for (const std::string_view word : words) {
    if (!joined.empty()) joined += ", ";
    joined += word;
  }
  return joined;
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  std::size_t limit = std::max<std::size_t>(1, word.size() / 3);  // one mistake per three letters
  for (const std::string_view candidate : candidates) {
    if (candidate.size() + limit < word.size() || word.size() + limit < candidate.size()) continue;
    const std::size_t slips = distance(word, candidate);
    if (slips > limit || (best && slips == limit)) continue;
    best = candidate;
    limit = slips;
  }
  return best;
}

}  // namespace bonedry::conf
