#include "admin/ctl/progress.h"

#include "admin/ctl/terminal.h"
#include "admin/printable.h"
#include "admin/wrapped.h"
#include "proxy/base/duration.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace bonedry::ctl {
namespace {

constexpr Millis kLiveInterval{250};
constexpr Millis kPlainInterval{1000};

std::string counts(const NodeProgress& figures) {
  return admin::printable(figures.node) + ": " + std::to_string(figures.live) + " live, " +
         std::to_string(figures.pending) + " pending, " + std::to_string(figures.exchanges_open) +
         " open";
}

/// Without the tenths that format_duration shows, which would flicker.
std::string whole_seconds(Millis duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration);
  return seconds.count() == 0 ? "0s" : format_duration(seconds);
}

/// What follows the counts, the most important first.
std::vector<std::string> remarks(const NodeProgress& figures, Millis elapsed) {
  std::vector<std::string> parts;
  if (figures.forecast) parts.push_back(", " + admin::to_text(*figures.forecast));
  parts.push_back(", waited " + whole_seconds(elapsed));
  if (figures.last_exchange_age) {
    parts.push_back(", last click " + format_duration(*figures.last_exchange_age) + " ago");
  }
  if (!figures.blocked_by.empty()) {
    parts.push_back("; not dry: " + admin::printable(figures.blocked_by));
  }
  return parts;
}

/// The counts, and as many of the remarks as fit.
std::string fitted(const NodeProgress& figures, Millis elapsed, std::size_t width) {
  std::string line = counts(figures);
  for (const std::string& part : remarks(figures, elapsed)) {
    if (admin::columns(line) + admin::columns(part) <= width) line += part;
  }
  return line;
}

}  // namespace

Progress::Style Progress::style_of(int fd) {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return ::isatty(fd) == 1 && !dumb ? Style::live : Style::plain;
}

Millis Progress::interval() const {
  return style_ == Style::live ? kLiveInterval : kPlainInterval;
}

void Progress::show(const NodeProgress& figures, Millis elapsed) {
  // A line of full width would wrap, and the next one would be drawn below it.
  const std::size_t width = terminal_width(STDERR_FILENO).value_or(admin::kUsualWidth) - 1;
  if (style_ == Style::live) return draw(admin::clipped(fitted(figures, elapsed, width), width));
  const std::string now = counts(figures);
  if (now == last_shown_) return;
  last_shown_ = now;
  const std::string line = fitted(figures, elapsed, std::string::npos);
  std::fprintf(stderr, "%s\n", line.c_str());
}

void Progress::note(std::string_view text) {
  clear();
  last_shown_.clear();
  std::fprintf(stderr, "%s\n", admin::printable(text).c_str());
}

void Progress::clear() {
  if (line_ == Line::empty) return;
  std::fputs("\r\x1b[K", stderr);
  line_ = Line::empty;
}

void Progress::draw(const std::string& line) {
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  line_ = Line::drawn;
}

}  // namespace bonedry::ctl
