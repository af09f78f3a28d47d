#include "bench/demo/terminal_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kInterval{100};
constexpr int kTableWidth = 66;  // of the columns to the left of the bars
constexpr int kMaxBarWidth = 40;

// Hides the cursor, and turns line wrapping off: a long line must not move the rest down.
constexpr const char* kBeginFrame = "\x1b[?25l\x1b[?7l";
constexpr const char* kEndFrame = "\x1b[?7h";
constexpr const char* kEndLine = "\x1b[K\n";
constexpr const char* kEraseBelow = "\x1b[J";
constexpr const char* kShowCursor = "\x1b[?25h";

/// The terminal's width minus one: erasing the rest of a full line would delete its last glyph.
int columns() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (known ? size.ws_col : 80) - 1;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

std::string left(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string right(std::int64_t number, std::size_t width) {
  return right(std::to_string(number), width);
}

/// Splits a text at spaces into lines of at most `width` characters.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    const std::size_t blank = text.rfind(' ', width);
    if (blank == std::string_view::npos || blank == 0) break;
    lines.emplace_back(text.substr(0, blank));
    text.remove_prefix(blank + 1);
  }
  lines.emplace_back(text);
  return lines;
}

std::string repeat(const char* glyph, std::int64_t times) {
  std::string text;
  for (std::int64_t i = 0; i < times; ++i) text += glyph;
  return text;
}

}  // namespace

TerminalScreen::TerminalScreen(Loop& loop, ScreenStateSource source)
    : source_(std::move(source)),
      coloured_(wants_colour()),
      has_blocks_(locale_is_utf8()),
      timer_(loop, [this] { draw(); }) {
  timer_.start_repeating(kInterval);
}

TerminalScreen::~TerminalScreen() {
  stop();
}

void TerminalScreen::log(const std::string& event) {
  const std::string time = "  " + format_elapsed(source_().elapsed) + "  ";
  std::string margin = paint(Colour::dim, time);
  const std::size_t width = static_cast<std::size_t>(columns());
  for (const std::string& part : wrap(event, width > 2 * time.size() ? width - time.size() : 1)) {
    pending_lines_.push_back(margin + part);
    margin.assign(time.size(), ' ');
  }
}

void TerminalScreen::stop() {
  if (std::exchange(stopped_, true)) return;
  timer_.stop();
  draw();
  std::fputs(kShowCursor, stdout);
  std::fflush(stdout);
}

std::string TerminalScreen::paint(Colour colour, const std::string& text) const {
  static constexpr std::array<const char*, 8> kCodes{"0", "1", "2", "31", "32", "33", "34", "36"};
  if (!coloured_ || colour == Colour::none) return text;
  return std::string("\x1b[") + kCodes.at(static_cast<std::size_t>(colour)) + "m" + text +
         "\x1b[0m";
}

TerminalScreen::Colour TerminalScreen::colour_of(const std::string& word) const {
  if (word == "active" || word == "up") return Colour::green;
  if (word == "bleeding") return Colour::yellow;
  if (word == "bone dry") return Colour::cyan;
  if (word == "maintenance") return Colour::blue;
  if (word == "down") return Colour::red;
  return Colour::none;
}

std::string TerminalScreen::bar(const ScreenState::Node& node, const ScreenState& state) const {
  const std::int64_t width = std::clamp(columns() - kTableWidth, 0, kMaxBarWidth);
  // Rounded up: a single session is visible, too.
  const auto glyphs = [&](std::int64_t sessions) {
    return (sessions * width + state.full_bar - 1) / state.full_bar;
  };
  const std::int64_t live = std::min(glyphs(node.live), width);
  const std::int64_t pending = std::min(glyphs(node.pending), width - live);
  return paint(colour_of(node.state), repeat(has_blocks_ ? "█" : "#", live)) +
         paint(Colour::dim, repeat(has_blocks_ ? "▒" : ":", pending));
}

std::string TerminalScreen::row(const ScreenState::Node& node, const ScreenState& state) const {
  const std::string release = node.release == 0 ? "-" : std::to_string(node.release);
  return "  " + paint(Colour::bold, left(node.name, 8)) +
         paint(colour_of(node.state), left(node.state, 13)) +
         paint(colour_of(node.health), left(node.health, 8)) + right(release, 7) +
         right(node.live, 6) + right(node.pending, 9) + right(node.expected, 6) +
         right(node.exchanges_open, 5) + "  " + bar(node, state);
}

std::vector<std::string> TerminalScreen::dashboard(const ScreenState& state) const {
  std::vector<std::string> lines;
  lines.emplace_back();
  lines.push_back("  " + paint(Colour::bold, format_elapsed(state.elapsed) + "  " + state.phase));
  lines.emplace_back();
  lines.push_back(
      paint(Colour::dim, "  node    state        health  release  live  pending  true open"));
  for (const ScreenState::Node& node : state.nodes) lines.push_back(row(node, state));
  lines.emplace_back();
  const auto failures = [this](const char* what, std::uint64_t count) {
    return paint(count == 0 ? Colour::none : Colour::red, what + std::to_string(count));
  };
  lines.push_back("  users " + std::to_string(state.active_users) + "   in total " +
                  std::to_string(state.total_users) + "   clicks " + std::to_string(state.clicks) +
                  "   " + failures("failed ", state.failed_clicks) + "   " +
                  failures("carts lost ", state.carts_lost));
  lines.push_back("  largest difference between reported and true sessions: " +
                  std::to_string(state.largest_difference) + ", with " +
                  std::to_string(state.in_transit) + " users in transit");
  if (!state.dashboard.empty()) lines.push_back("  dashboard: " + state.dashboard);
  return lines;
}

void TerminalScreen::draw() {
  std::string frame = kBeginFrame;
  if (dashboard_height_ > 0) frame += "\x1b[" + std::to_string(dashboard_height_) + "A";
  for (const std::string& line : std::exchange(pending_lines_, {})) frame += line + kEndLine;
  const std::vector<std::string> lines = dashboard(source_());
  for (const std::string& line : lines) frame += line + kEndLine;
  dashboard_height_ = lines.size();
  frame += kEraseBelow;
  frame += kEndFrame;
  std::fwrite(frame.data(), 1, frame.size(), stdout);
  std::fflush(stdout);
}

}  // namespace bonedry::demo
