#include "admin/ctl/colour.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace bonedry::ctl {
namespace {

struct Paint {
  std::string_view word;
  std::string_view colour;
};

constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::array<Paint, 6> kPaints{{{"active", "\x1b[32m"},
                                        {"bleeding", "\x1b[33m"},
                                        {"maintenance", "\x1b[36m"},
                                        {"up", "\x1b[32m"},
                                        {"down", "\x1b[1;31m"},
                                        {"dry", "\x1b[1;32m"}}};

std::string painted(std::string_view cell) {
  const auto paint = std::ranges::find(kPaints, cell, &Paint::word);
  if (paint == kPaints.end()) return std::string(cell);
  return std::string(paint->colour) + std::string(cell) + std::string(kPlain);
}

/// Cells are separated by at least two spaces.
std::string painted_row(std::string_view row) {
  std::string out;
  while (!row.empty()) {
    const std::size_t end = std::min(row.find("  "), row.size());
    out += painted(row.substr(0, end));
    row.remove_prefix(end);
    const std::size_t next = std::min(row.find_first_not_of(' '), row.size());
    out += row.substr(0, next);
    row.remove_prefix(next);
  }
  return out;
}

}  // namespace

bool may_colour(int fd) {
  const char* no_color = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): one thread
  const char* term = std::getenv("TERM");          // NOLINT(concurrency-mt-unsafe)
  if (no_color != nullptr && *no_color != '\0') return false;
  return ::isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::string coloured(std::string_view status) {
  // Lines about problems may stand before the table, which ends at the next empty line.
  const std::size_t heading = status.find("\n\nNODE ");
  const std::size_t begin = heading == std::string_view::npos ? 0 : heading + 2;
  const std::size_t table_end = std::min(status.find("\n\n", begin), status.size());
  std::string_view table = status.substr(begin, table_end - begin);
  const std::size_t title_end = std::min(table.find('\n'), table.size());
  std::string out(status.substr(0, begin));
  out += kBold;
  out += table.substr(0, title_end);
  out += kPlain;
  table.remove_prefix(title_end);
  while (!table.empty()) {
    table.remove_prefix(1);
    const std::size_t end = std::min(table.find('\n'), table.size());
    out += "\n" + painted_row(table.substr(0, end));
    table.remove_prefix(end);
  }
  return out.append(status.substr(table_end));
}

}  // namespace bonedry::ctl
