#include "admin/ctl/progress.h"

#include "admin/printable.h"
#include "proxy/base/duration.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace bonedry::ctl {
namespace {

constexpr Millis kLiveInterval{250};
constexpr Millis kPlainInterval{1000};
constexpr std::size_t kUsualWidth = 80;

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return size.ws_col;
}

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

/// The part of the line that changes with time alone.
std::string times(const NodeProgress& figures, Millis elapsed) {
  std::string text = ", waited " + whole_seconds(elapsed);
  if (figures.last_exchange_age)
    text += ", last click " + format_duration(*figures.last_exchange_age) + " ago";
  if (figures.forecast) text += ", " + admin::to_text(*figures.forecast);
  return text;
}

std::string blockers(const NodeProgress& figures) {
  return figures.blocked_by.empty() ? "" : "; not dry: " + admin::printable(figures.blocked_by);
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
  const std::string line = counts(figures) + times(figures, elapsed) + blockers(figures);
  if (style_ == Style::live) return draw(line);
  const std::string now = counts(figures);
  if (now == last_shown_) return;
  last_shown_ = now;
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
  // A line of full width would wrap, and the next one would be drawn below it.
  std::fprintf(stderr, "\r%s\x1b[K", admin::clipped(line, terminal_width() - 1).c_str());
  line_ = Line::drawn;
}

}  // namespace bonedry::ctl
